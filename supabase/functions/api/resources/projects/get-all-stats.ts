import { createRoute } from "@hono/zod-openapi";
import { checks, errors } from "../../contract/errors.ts";
import { jsonResponse } from "../../contract/json-response.ts";
import { security } from "../../contract/security.ts";
import { searchQuery, toSearch } from "../../fields/page-query.ts";
import { credentials } from "../../middleware/credentials.ts";
import { createRouter } from "../../router.ts";
import { allStatsSchema, projectFilter } from "./schemas.ts";
import * as store from "./store.ts";

const route = createRoute({
  method: "get",
  path: "/api/v1/projects/stats",
  operationId: "projects.globalStats",
  tags: ["Projects"],
  summary: "Get totals of all projects",
  description: "A developer gets the totals of their own projects, an operator those of the platform.",
  security: security.manage,
  middleware: [credentials],
  request: {
    query: searchQuery(
      "Finds this text in project names and descriptions, user emails and full names, and key names and prefixes.",
    ).extend(projectFilter.shape),
  },
  responses: {
    200: jsonResponse(allStatsSchema, "The number of all and of active entries."),
    ...errors(checks.projects, "validation_failed"),
  },
});

export const getAllStats = createRouter().openapi(route, async (c) => {
  const { search, is_active = null, project_id } = c.req.valid("query");
  const stats = await store.getProjectStats(...c.get("caller"), project_id ?? null, {
    search: toSearch(search),
    is_active,
  });
  return c.json(stats, 200);
});
