import { createRoute } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { AppEnv } from "../../context.ts";
import { checks, errors } from "../../contract/errors.ts";
import { jsonBody } from "../../contract/json-body.ts";
import { jsonResponse } from "../../contract/json-response.ts";
import { security } from "../../contract/security.ts";
import { credentials } from "../../middleware/credentials.ts";
import { jsonUpTo } from "../../middleware/json-only.ts";
import { longerBytes } from "../../middleware/read-json.ts";
import { createRouter } from "../../router.ts";
import { type ProjectChanges, projectChangesSchema, projectPath, projectSchema } from "./schemas.ts";
import * as store from "./store.ts";

const patch = createRoute({
  method: "patch",
  path: "/api/v1/projects/{project_id}",
  operationId: "projects.update",
  tags: ["Projects"],
  summary: "Change a project",
  description:
    "Absent fields stay unchanged. With `is_active: false` the API refuses its keys and end users; its owner can still manage it.",
  security: security.manage,
  middleware: [credentials, jsonUpTo(longerBytes)],
  request: { params: projectPath, ...jsonBody(projectChangesSchema) },
  responses: {
    200: jsonResponse(projectSchema, "The project after the change."),
    ...errors(checks.projects, checks.json, "project_suspended"),
  },
});

const put = createRoute({
  ...patch,
  method: "put",
  operationId: "projects.replace",
  summary: "Change a project by PUT",
  description: "The same as PATCH: absent fields stay unchanged.",
});

async function answer(c: Context<AppEnv>, id: string, changes: ProjectChanges) {
  return c.json(await store.updateProject(...c.get("caller"), id, changes), 200);
}

export const updateProject = createRouter()
  .openapi(patch, (c) => answer(c, c.req.valid("param").project_id, c.req.valid("json")))
  .openapi(put, (c) => answer(c, c.req.valid("param").project_id, c.req.valid("json")));
