import { createRoute } from "@hono/zod-openapi";
import { checks, errors } from "../../contract/errors.ts";
import { jsonResponse } from "../../contract/json-response.ts";
import { security } from "../../contract/security.ts";
import { pageQuery, partOf, searchQuery, totalCountHeader } from "../../fields/page-query.ts";
import { credentials } from "../../middleware/credentials.ts";
import { createRouter } from "../../router.ts";
import { projectFilter } from "../projects/schemas.ts";
import { projectUsersSchema } from "./schemas.ts";
import * as store from "./store.ts";

const route = createRoute({
  method: "get",
  path: "/api/v1/projects/users",
  operationId: "users.listAll",
  tags: ["Projects"],
  summary: "List the end users of all projects",
  description: "Newest first. A developer sees the users of their own projects, an operator sees all.",
  security: security.manage,
  middleware: [credentials],
  request: {
    query: searchQuery("Finds this text in the email address and the full name.")
      .extend(pageQuery.shape)
      .extend(projectFilter.shape),
  },
  responses: {
    200: { ...jsonResponse(projectUsersSchema, "The entries of this page."), headers: totalCountHeader },
    ...errors(checks.projects, "validation_failed"),
  },
});

export const listAllUsers = createRouter().openapi(route, async (c) => {
  const { project_id = null, ...query } = c.req.valid("query");
  const found = await store.listProjectUsers(...c.get("caller"), project_id, partOf(query));
  c.header("X-Total-Count", String(found.total));
  return c.json(found, 200);
});
