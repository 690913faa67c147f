import { createRoute } from "@hono/zod-openapi";
import { checks, errors } from "../../contract/errors.ts";
import { jsonResponse } from "../../contract/json-response.ts";
import { security } from "../../contract/security.ts";
import { searchQuery, toSearch } from "../../fields/page-query.ts";
import { credentials } from "../../middleware/credentials.ts";
import { createRouter } from "../../router.ts";
import { projectPath, projectStatsSchema } from "./schemas.ts";
import * as store from "./store.ts";

const route = createRoute({
  method: "get",
  path: "/api/v1/projects/{project_id}/stats",
  operationId: "projects.stats",
  tags: ["Projects"],
  summary: "Get totals of a project",
  description:
    "The numbers of end users and API keys. `search` and `is_active` select which ones are counted.",
  security: security.manage,
  middleware: [credentials],
  request: {
    params: projectPath,
    query: searchQuery("Finds this text in user emails and full names, and in key names and prefixes."),
  },
  responses: {
    200: jsonResponse(projectStatsSchema, "The number of all and of active entries."),
    ...errors(checks.projects, "validation_failed"),
  },
});

export const getProjectStats = createRouter().openapi(route, async (c) => {
  const { search, is_active = null } = c.req.valid("query");
  const { users, api_keys } = await store.getProjectStats(
    ...c.get("caller"),
    c.req.valid("param").project_id,
    { search: toSearch(search), is_active },
  );
  return c.json({ users, api_keys }, 200);
});
