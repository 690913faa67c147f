import { createRoute } from "@hono/zod-openapi";
import { checks, errors } from "../../contract/errors.ts";
import { jsonBody } from "../../contract/json-body.ts";
import { jsonResponse } from "../../contract/json-response.ts";
import { security } from "../../contract/security.ts";
import { createKey } from "../../key.ts";
import { deliverMail } from "../../mail/deliver-mail.ts";
import { credentials } from "../../middleware/credentials.ts";
import { jsonOnly } from "../../middleware/json-only.ts";
import { createRouter } from "../../router.ts";
import { createdDeveloperKeySchema, developerKeyFieldsSchema } from "./schemas.ts";
import * as store from "./store.ts";

const route = createRoute({
  method: "post",
  path: "/api/v1/auth/developer-keys",
  operationId: "developerKeys.create",
  tags: ["Developer keys"],
  summary: "Create a developer key",
  description: "A developer has at most ten active keys. The owner gets a mail.",
  security: security.user,
  middleware: [credentials, jsonOnly],
  request: jsonBody(developerKeyFieldsSchema.openapi("DeveloperKeyCreateRequest")),
  responses: {
    201: jsonResponse(createdDeveloperKeySchema, "The new key. Store it: no other response contains it."),
    ...errors(checks.account, checks.json, "developers_only", "developer_key_limit_reached"),
  },
});

export const createDeveloperKey = createRouter().openapi(route, async (c) => {
  const { background } = c.get("deps");
  const { name = null, expires_at = null, management } = c.req.valid("json");
  const { key, stored } = createKey("ak");
  const created = await store.createDeveloperKey(...c.get("caller"), {
    name,
    expires_at,
    management,
    ...stored,
  });
  background(deliverMail(c.get("deps")));
  return c.json({ ...created, key }, 201);
});
