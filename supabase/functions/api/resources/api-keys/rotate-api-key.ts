import { createRoute } from "@hono/zod-openapi";
import { checks, errors } from "../../contract/errors.ts";
import { optionalJsonBody } from "../../contract/json-body.ts";
import { jsonResponse } from "../../contract/json-response.ts";
import { security } from "../../contract/security.ts";
import { createKey } from "../../key.ts";
import { deliverMail } from "../../mail/deliver-mail.ts";
import { credentials } from "../../middleware/credentials.ts";
import { jsonOrNothing } from "../../middleware/json-only.ts";
import { createRouter } from "../../router.ts";
import { apiKeyPath, rotatedApiKeySchema, rotationSchema } from "./schemas.ts";
import * as store from "./store.ts";

const route = createRoute({
  method: "post",
  path: "/api/v1/projects/{project_id}/api-keys/{key_id}/rotate",
  operationId: "apiKeys.rotate",
  tags: ["API keys"],
  summary: "Replace an API key",
  description:
    "The new key has the name and expiry of the old one. The old key works for `grace_seconds` more (0 without a body), but" +
    " never beyond its own expiry. Rotated keys do not count against the plan's limit; a second limit of the same size " +
    "applies to them.",
  security: security.manage,
  middleware: [credentials, jsonOrNothing],
  request: {
    params: apiKeyPath,
    ...optionalJsonBody(rotationSchema.openapi("ApiKeyRotateRequest")),
  },
  responses: {
    201: jsonResponse(rotatedApiKeySchema, "The new key. Store it: no other response contains it."),
    ...errors(
      checks.projects,
      checks.json,
      "api_key_not_found",
      "api_key_already_revoked",
      "api_key_already_rotated",
      "api_key_already_expired",
      "api_key_limit_reached",
    ),
  },
});

export const rotateApiKey = createRouter().openapi(route, async (c) => {
  const { project_id, key_id } = c.req.valid("param");
  const { key, stored } = createKey("ak");
  const rotated = await store.rotateApiKey(
    ...c.get("caller"),
    project_id,
    key_id,
    stored,
    c.req.valid("json").grace_seconds,
  );
  c.get("deps").background(deliverMail(c.get("deps")));
  return c.json({ ...rotated, key }, 201);
});
