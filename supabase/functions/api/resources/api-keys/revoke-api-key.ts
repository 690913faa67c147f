import { createRoute } from "@hono/zod-openapi";
import { checks, errors } from "../../contract/errors.ts";
import { security } from "../../contract/security.ts";
import { credentials } from "../../middleware/credentials.ts";
import { createRouter } from "../../router.ts";
import { apiKeyPath } from "./schemas.ts";
import * as store from "./store.ts";

const route = createRoute({
  method: "delete",
  path: "/api/v1/projects/{project_id}/api-keys/{key_id}",
  operationId: "apiKeys.revoke",
  tags: ["API keys"],
  summary: "Revoke an API key",
  description: "The API refuses the key at once. A second revocation returns 400 `api_key_already_revoked`.",
  security: security.manage,
  middleware: [credentials],
  request: { params: apiKeyPath },
  responses: {
    204: { description: "The key was revoked." },
    ...errors(checks.projects, "validation_failed", "api_key_not_found", "api_key_already_revoked"),
  },
});

export const revokeApiKey = createRouter().openapi(route, async (c) => {
  const { project_id, key_id } = c.req.valid("param");
  await store.revokeApiKey(...c.get("caller"), project_id, key_id);
  return c.body(null, 204);
});
