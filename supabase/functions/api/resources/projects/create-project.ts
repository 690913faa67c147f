import { createRoute } from "@hono/zod-openapi";
import { checks, errors } from "../../contract/errors.ts";
import { jsonBody } from "../../contract/json-body.ts";
import { jsonResponse } from "../../contract/json-response.ts";
import { security } from "../../contract/security.ts";
import { credentials } from "../../middleware/credentials.ts";
import { jsonUpTo } from "../../middleware/json-only.ts";
import { longerBytes } from "../../middleware/read-json.ts";
import { createRouter } from "../../router.ts";
import { projectFieldsSchema, projectSchema } from "./schemas.ts";
import * as store from "./store.ts";

const route = createRoute({
  method: "post",
  path: "/api/v1/projects",
  operationId: "projects.create",
  tags: ["Projects"],
  summary: "Create a project",
  description:
    "The caller owns the project. It has no API key yet: create one with `POST /projects/{project_id}/api-keys`.",
  security: security.manage,
  middleware: [credentials, jsonUpTo(longerBytes)],
  request: jsonBody(projectFieldsSchema.openapi("ProjectCreateRequest")),
  responses: {
    201: jsonResponse(projectSchema, "The new project."),
    ...errors(checks.projects, checks.json, "project_limit_reached"),
  },
});

export const createProject = createRouter().openapi(route, async (c) => {
  const project = await store.createProject(...c.get("caller"), c.req.valid("json"));
  return c.json(project, 201);
});
