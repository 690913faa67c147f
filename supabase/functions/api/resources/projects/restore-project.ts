import { createRoute } from "@hono/zod-openapi";
import { checks, errors } from "../../contract/errors.ts";
import { jsonResponse } from "../../contract/json-response.ts";
import { security } from "../../contract/security.ts";
import { credentials } from "../../middleware/credentials.ts";
import { createRouter } from "../../router.ts";
import { projectPath, projectSchema } from "./schemas.ts";
import * as store from "./store.ts";

const route = createRoute({
  method: "post",
  path: "/api/v1/projects/{project_id}/restore",
  operationId: "projects.restore",
  tags: ["Projects"],
  summary: "Restore a project",
  description:
    "Restores a deleted project with all its data, until the deletion of the data begins. A project that is not deleted " +
    "stays unchanged.",
  security: security.manage,
  middleware: [credentials],
  request: { params: projectPath },
  responses: {
    200: jsonResponse(projectSchema, "The restored project."),
    ...errors(
      checks.projects,
      "validation_failed",
      "project_suspended",
      "project_limit_reached",
      "restore_window_over",
    ),
  },
});

export const restoreProject = createRouter().openapi(route, async (c) => {
  const project = await store.restoreProject(...c.get("caller"), c.req.valid("param").project_id);
  return c.json(project, 200);
});
