import { createRoute } from "@hono/zod-openapi";
import { checks, errors } from "../../contract/errors.ts";
import { jsonBody } from "../../contract/json-body.ts";
import { jsonResponse } from "../../contract/json-response.ts";
import { security } from "../../contract/security.ts";
import { credentials } from "../../middleware/credentials.ts";
import { jsonOnly } from "../../middleware/json-only.ts";
import { createRouter } from "../../router.ts";
import { projectUserChangesSchema, projectUserPath, projectUserSchema } from "./schemas.ts";
import * as store from "./store.ts";

const route = createRoute({
  method: "patch",
  path: "/api/v1/projects/{project_id}/users/{user_id}",
  operationId: "users.update",
  tags: ["Projects"],
  summary: "Change an end user",
  description:
    "Setting `is_active` to false ends all sessions of the user at once. After `is_active: true` the user must log in again. The " +
    "limits replace the project's limits for this user. Absent fields stay unchanged.",
  security: security.manage,
  middleware: [credentials, jsonOnly],
  request: {
    params: projectUserPath,
    ...jsonBody(projectUserChangesSchema),
  },
  responses: {
    200: jsonResponse(projectUserSchema, "The account after the change."),
    ...errors(checks.projects, checks.json, "user_not_found", "account_suspended"),
  },
});

export const updateProjectUser = createRouter().openapi(route, async (c) => {
  const { project_id, user_id } = c.req.valid("param");
  const user = await store.updateProjectUser(...c.get("caller"), project_id, user_id, c.req.valid("json"));
  return c.json(user, 200);
});
