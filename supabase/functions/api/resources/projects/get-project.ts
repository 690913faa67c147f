import { createRoute } from "@hono/zod-openapi";
import { checks, errors } from "../../contract/errors.ts";
import { jsonResponse } from "../../contract/json-response.ts";
import { security } from "../../contract/security.ts";
import { credentials } from "../../middleware/credentials.ts";
import { createRouter } from "../../router.ts";
import { projectPath, projectSchema } from "./schemas.ts";
import * as store from "./store.ts";

const route = createRoute({
  method: "get",
  path: "/api/v1/projects/{project_id}",
  operationId: "projects.get",
  tags: ["Projects"],
  summary: "Get a project",
  description: "A developer gets their own projects, an operator gets all. Any other project is 404.",
  security: security.manage,
  middleware: [credentials],
  request: { params: projectPath },
  responses: {
    200: jsonResponse(projectSchema, "The project."),
    ...errors(checks.projects, "validation_failed"),
  },
});

export const getProject = createRouter().openapi(route, async (c) => {
  const project = await store.getProject(...c.get("caller"), c.req.valid("param").project_id);
  return c.json(project, 200);
});
