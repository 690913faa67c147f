import { createRoute } from "@hono/zod-openapi";
import { checks, errors } from "../../contract/errors.ts";
import { optionalJsonBody } from "../../contract/json-body.ts";
import { jsonResponse } from "../../contract/json-response.ts";
import { security } from "../../contract/security.ts";
import { credentials } from "../../middleware/credentials.ts";
import { jsonOrNothing } from "../../middleware/json-only.ts";
import { createRouter } from "../../router.ts";
import { createWebhookSecret } from "./delivery/webhook-secret.ts";
import { secretRotationSchema, webhookPath, webhookWithSecretSchema } from "./schemas.ts";
import { rotateSecret } from "./store.ts";

const route = createRoute({
  method: "post",
  path: "/api/v1/projects/{project_id}/webhooks/{webhook_id}/rotate",
  operationId: "webhooks.rotate",
  tags: ["Webhooks"],
  summary: "Replace the secret of a webhook",
  description: "For `grace_seconds` (one day without a body), deliveries are signed with both secrets.",
  security: security.manage,
  middleware: [credentials, jsonOrNothing],
  request: {
    params: webhookPath,
    ...optionalJsonBody(secretRotationSchema.openapi("WebhookRotateRequest")),
  },
  responses: {
    201: jsonResponse(
      webhookWithSecretSchema,
      "The webhook with its new secret. Store it: no other response contains it.",
    ),
    ...errors(checks.projects, checks.json, "webhook_not_found"),
  },
});

export const rotateWebhookSecret = createRouter().openapi(route, async (c) => {
  const { project_id, webhook_id } = c.req.valid("param");
  const secret = createWebhookSecret();
  const { grace_seconds } = c.req.valid("json");
  const changed = await rotateSecret(...c.get("caller"), project_id, webhook_id, secret, grace_seconds);
  return c.json({ ...changed, secret }, 201);
});
