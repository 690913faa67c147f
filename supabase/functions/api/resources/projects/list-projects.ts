import { createRoute, z } from "@hono/zod-openapi";
import { checks, errors } from "../../contract/errors.ts";
import { security } from "../../contract/security.ts";
import { flag } from "../../fields/flag.ts";
import { pageQuery, partOf, searchQuery, totalCountHeader } from "../../fields/page-query.ts";
import { credentials } from "../../middleware/credentials.ts";
import { createRouter } from "../../router.ts";
import { projectSchema } from "./schemas.ts";
import * as store from "./store.ts";

const route = createRoute({
  method: "get",
  path: "/api/v1/projects",
  operationId: "projects.list",
  tags: ["Projects"],
  summary: "List projects",
  description:
    "Returns a plain array, newest first. A developer sees their own projects, an operator sees all. `X-Total-Count` has " +
    "the number of entries on all pages.",
  security: security.manage,
  middleware: [credentials],
  request: {
    query: searchQuery("Finds this text in the name and the description.")
      .extend(pageQuery.shape)
      .extend({
        deleted: flag().default(false).openapi({
          example: false,
          description: "true: lists the deleted projects that can still be restored, last deleted first.",
        }),
      }),
  },
  responses: {
    200: {
      description: "The entries of this page.",
      headers: totalCountHeader,
      content: { "application/json": { schema: z.array(projectSchema) } },
    },
    ...errors(checks.projects, "validation_failed"),
  },
});

export const listProjects = createRouter().openapi(route, async (c) => {
  const { deleted, ...query } = c.req.valid("query");
  const { items, total } = await store.listProjects(...c.get("caller"), {
    deleted,
    ...partOf(query),
  });
  c.header("X-Total-Count", String(total));
  return c.json(items, 200);
});
