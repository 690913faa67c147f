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
import { rotationSchema } from "../api-keys/schemas.ts";
import { createdDeveloperKeySchema, developerKeyPath } from "./schemas.ts";
import * as store from "./store.ts";

const bodySchema = rotationSchema.openapi("DeveloperKeyRotateRequest");

const route = createRoute({
  method: "post",
  path: "/api/v1/auth/developer-keys/{key_id}/rotate",
  operationId: "developerKeys.rotate",
  tags: ["Developer keys"],
  summary: "Replace a developer key",
  description: "The new key has the name, rights and expiry of the old one. The body is optional.",
  security: security.user,
  middleware: [credentials, jsonOrNothing],
  request: { params: developerKeyPath, ...optionalJsonBody(bodySchema) },
  responses: {
    201: jsonResponse(createdDeveloperKeySchema, "The new key. Store it: no other response contains it."),
    ...errors(
      checks.account,
      checks.json,
      "developers_only",
      "developer_key_not_found",
      "developer_key_not_active",
      "developer_key_limit_reached",
    ),
  },
});

export const rotateDeveloperKey = createRouter().openapi(route, async (c) => {
  const { background } = c.get("deps");
  const { grace_seconds } = c.req.valid("json");
  const { key, stored } = createKey("ak");
  const { key_id } = c.req.valid("param");
  const created = await store.rotateDeveloperKey(...c.get("caller"), key_id, stored, grace_seconds);
  background(deliverMail(c.get("deps")));
  return c.json({ ...created, key }, 201);
});
