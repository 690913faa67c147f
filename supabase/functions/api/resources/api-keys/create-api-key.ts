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
import { projectPath } from "../projects/schemas.ts";
import { apiKeyFieldsSchema, createdApiKeySchema } from "./schemas.ts";
import * as store from "./store.ts";

const route = createRoute({
  method: "post",
  path: "/api/v1/projects/{project_id}/api-keys",
  operationId: "apiKeys.create",
  tags: ["API keys"],
  summary: "Create an API key",
  description: "Only this response contains the key: the API stores its hash. The owner gets a mail.",
  security: security.manage,
  middleware: [credentials, jsonOnly],
  request: { params: projectPath, ...jsonBody(apiKeyFieldsSchema.openapi("ApiKeyCreateRequest")) },
  responses: {
    201: jsonResponse(createdApiKeySchema, "The new key. Store it: no other response contains it."),
    ...errors(checks.projects, checks.json, "api_key_limit_reached"),
  },
});

export const createApiKey = createRouter().openapi(route, async (c) => {
  const { name = null, expires_at = null } = c.req.valid("json");
  const { key, stored } = createKey("ak");
  const created = await store.createApiKey(...c.get("caller"), c.req.valid("param").project_id, {
    name,
    expires_at,
    ...stored,
  });
  c.get("deps").background(deliverMail(c.get("deps")));
  return c.json({ ...created, key }, 201);
});
