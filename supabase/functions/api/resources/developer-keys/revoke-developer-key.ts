import { createRoute } from "@hono/zod-openapi";
import { checks, errors } from "../../contract/errors.ts";
import { security } from "../../contract/security.ts";
import { credentials } from "../../middleware/credentials.ts";
import { createRouter } from "../../router.ts";
import { developerKeyPath } from "./schemas.ts";
import * as store from "./store.ts";

const route = createRoute({
  method: "delete",
  path: "/api/v1/auth/developer-keys/{key_id}",
  operationId: "developerKeys.revoke",
  tags: ["Developer keys"],
  summary: "Revoke a developer key",
  description: "The API refuses the key at once. A request cannot revoke the key that it sends.",
  security: security.user,
  middleware: [credentials],
  request: { params: developerKeyPath },
  responses: {
    204: { description: "The key was revoked." },
    ...errors(
      checks.account,
      "validation_failed",
      "developers_only",
      "developer_key_not_found",
      "developer_key_already_revoked",
      "developer_key_in_use",
    ),
  },
});

export const revokeDeveloperKey = createRouter().openapi(route, async (c) => {
  await store.revokeDeveloperKey(...c.get("caller"), c.req.valid("param").key_id);
  return c.body(null, 204);
});
