import { createRoute } from "@hono/zod-openapi";
import { checks, errors } from "../../contract/errors.ts";
import { jsonBody } from "../../contract/json-body.ts";
import { jsonResponse } from "../../contract/json-response.ts";
import { security } from "../../contract/security.ts";
import { credentials } from "../../middleware/credentials.ts";
import { jsonOnly } from "../../middleware/json-only.ts";
import { createRouter } from "../../router.ts";
import { assertWebhookUrl } from "./delivery/webhook-url.ts";
import { webhookChangesSchema, webhookPath, webhookSchema } from "./schemas.ts";
import * as store from "./store.ts";

const route = createRoute({
  method: "patch",
  path: "/api/v1/projects/{project_id}/webhooks/{webhook_id}",
  operationId: "webhooks.update",
  tags: ["Webhooks"],
  summary: "Change a webhook",
  description: "Absent fields stay unchanged. `is_active: true` sends the events that still wait.",
  security: security.manage,
  middleware: [credentials, jsonOnly],
  request: { params: webhookPath, ...jsonBody(webhookChangesSchema.openapi("WebhookUpdateRequest")) },
  responses: {
    200: jsonResponse(webhookSchema, "The webhook after the change."),
    ...errors(checks.projects, checks.json, "webhook_not_found"),
  },
});

export const updateWebhook = createRouter().openapi(route, async (c) => {
  const { env } = c.get("deps");
  const changes = c.req.valid("json");
  if (changes.url !== undefined) assertWebhookUrl(env, changes.url);
  const { project_id, webhook_id } = c.req.valid("param");
  const changed = await store.updateWebhook(...c.get("caller"), project_id, webhook_id, changes);
  return c.json(changed, 200);
});
