import { createRoute } from "@hono/zod-openapi";
import { checks, errors } from "../../contract/errors.ts";
import { jsonBody } from "../../contract/json-body.ts";
import { jsonResponse } from "../../contract/json-response.ts";
import { security } from "../../contract/security.ts";
import { credentials } from "../../middleware/credentials.ts";
import { jsonOnly } from "../../middleware/json-only.ts";
import { createRouter } from "../../router.ts";
import { projectPath } from "../projects/schemas.ts";
import { createWebhookSecret } from "./delivery/webhook-secret.ts";
import { assertWebhookUrl } from "./delivery/webhook-url.ts";
import { webhookFieldsSchema, webhookWithSecretSchema } from "./schemas.ts";
import * as store from "./store.ts";

const route = createRoute({
  method: "post",
  path: "/api/v1/projects/{project_id}/webhooks",
  operationId: "webhooks.create",
  tags: ["Webhooks"],
  summary: "Create a webhook",
  description:
    "The API sends each new event of the project to the URL at least once. Deliveries are signed as Standard Webhooks " +
    "defines. A project has at most ten webhooks.",
  security: security.manage,
  middleware: [credentials, jsonOnly],
  request: { params: projectPath, ...jsonBody(webhookFieldsSchema.openapi("WebhookCreateRequest")) },
  responses: {
    201: jsonResponse(
      webhookWithSecretSchema,
      "The webhook with its secret. Store it: no other response contains it.",
    ),
    ...errors(checks.projects, checks.json, "webhook_limit_reached"),
  },
});

export const createWebhook = createRouter().openapi(route, async (c) => {
  const { env } = c.get("deps");
  const fields = c.req.valid("json");
  assertWebhookUrl(env, fields.url);
  const secret = createWebhookSecret();
  const { project_id } = c.req.valid("param");
  const created = await store.createWebhook(...c.get("caller"), project_id, {
    ...fields,
    secret,
  });
  return c.json({ ...created, secret }, 201);
});
