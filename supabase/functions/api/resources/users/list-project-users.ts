import { createRoute } from "@hono/zod-openapi";
import { checks, errors } from "../../contract/errors.ts";
import { jsonResponse } from "../../contract/json-response.ts";
import { security } from "../../contract/security.ts";
import { pageQuery, partOf, searchQuery, totalCountHeader } from "../../fields/page-query.ts";
import { credentials } from "../../middleware/credentials.ts";
import { createRouter } from "../../router.ts";
import { projectPath } from "../projects/schemas.ts";
import { projectUsersSchema } from "./schemas.ts";
import * as store from "./store.ts";

const route = createRoute({
  method: "get",
  path: "/api/v1/projects/{project_id}/users",
  operationId: "users.list",
  tags: ["Projects"],
  summary: "List the end users of a project",
  description: "The accounts that registered in the project, newest first.",
  security: security.manage,
  middleware: [credentials],
  request: {
    params: projectPath,
    query: searchQuery("Finds this text in the email address and the full name.").extend(pageQuery.shape),
  },
  responses: {
    200: { ...jsonResponse(projectUsersSchema, "The entries of this page."), headers: totalCountHeader },
    ...errors(checks.projects, "validation_failed"),
  },
});

export const listProjectUsers = createRouter().openapi(route, async (c) => {
  const { project_id } = c.req.valid("param");
  const part = partOf(c.req.valid("query"));
  const found = await store.listProjectUsers(...c.get("caller"), project_id, part);
  c.header("X-Total-Count", String(found.total));
  return c.json(found, 200);
});
