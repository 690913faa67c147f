import { createRoute } from "@hono/zod-openapi";
import { credentials } from "../../middleware/credentials.ts";
import { createRouter, errorResponses, jsonResponse, security } from "../../openapi.ts";
import { projectPath, projectSchema } from "./schemas.ts";
import * as store from "./store.ts";

const route = createRoute({
  method: "post",
  path: "/api/v1/projects/{project_id}/restore",
  operationId: "projects.restore",
  tags: ["Projects"],
  summary: "Bring back a deleted project",
  description:
    "With everything that it held, as long as its removal has not begun. A project that is not deleted stays as it is.",
  security: security.manage,
  middleware: [credentials],
  request: { params: projectPath },
  responses: {
    200: jsonResponse(projectSchema, "The project."),
    ...errorResponses(400, 401, 403, 404, 409, 422, 429),
  },
});

export const restoreProject = createRouter().openapi(route, async (c) => {
  const project = await store.restoreProject(
    c.get("deps").database,
    c.get("credentials"),
    c.req.valid("param").project_id,
  );
  return c.json(project, 200);
});
