import { createRoute } from "@hono/zod-openapi";
import { checks, errors } from "../../contract/errors.ts";
import { security } from "../../contract/security.ts";
import { credentials } from "../../middleware/credentials.ts";
import { createRouter } from "../../router.ts";
import { webhookPath } from "./schemas.ts";
import * as store from "./store.ts";

const route = createRoute({
  method: "delete",
  path: "/api/v1/projects/{project_id}/webhooks/{webhook_id}",
  operationId: "webhooks.delete",
  tags: ["Webhooks"],
  summary: "Delete a webhook",
  description: "Deletes the webhook, its log and its waiting events.",
  security: security.manage,
  middleware: [credentials],
  request: { params: webhookPath },
  responses: {
    204: { description: "The webhook was deleted." },
    ...errors(checks.projects, "validation_failed", "webhook_not_found"),
  },
});

export const deleteWebhook = createRouter().openapi(route, async (c) => {
  const { project_id, webhook_id } = c.req.valid("param");
  await store.deleteWebhook(...c.get("caller"), project_id, webhook_id);
  return c.body(null, 204);
});
