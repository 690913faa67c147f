import { createRoute } from "@hono/zod-openapi";
import { checks, errors } from "../../contract/errors.ts";
import { security } from "../../contract/security.ts";
import { credentials } from "../../middleware/credentials.ts";
import { createRouter } from "../../router.ts";
import { projectUserPath } from "./schemas.ts";
import { requireEndUser } from "./store.ts";

const route = createRoute({
  method: "delete",
  path: "/api/v1/projects/{project_id}/users/{user_id}",
  operationId: "users.delete",
  tags: ["Projects"],
  summary: "Delete an end user",
  description:
    "Deletes the account, its sessions and generations at once, and its files shortly after. This cannot be undone.",
  security: security.manage,
  middleware: [credentials],
  request: {
    params: projectUserPath,
  },
  responses: {
    204: { description: "The account was deleted." },
    ...errors(checks.projects, "validation_failed", checks.auth, "user_not_found"),
  },
});

export const deleteProjectUser = createRouter().openapi(route, async (c) => {
  const { auth } = c.get("deps");
  const { project_id, user_id } = c.req.valid("param");
  await auth.deleteUser(await requireEndUser(...c.get("caller"), project_id, user_id));
  return c.body(null, 204);
});
