import { createRoute } from "@hono/zod-openapi";
import { checks, errors } from "../../contract/errors.ts";
import { jsonResponse } from "../../contract/json-response.ts";
import { security } from "../../contract/security.ts";
import { credentials } from "../../middleware/credentials.ts";
import { createRouter } from "../../router.ts";
import { deliverWebhooks } from "./delivery/deliver-webhooks.ts";
import { deliverySchema, webhookPath } from "./schemas.ts";
import { sendTestEvent } from "./store.ts";

const route = createRoute({
  method: "post",
  path: "/api/v1/projects/{project_id}/webhooks/{webhook_id}/test",
  operationId: "webhooks.test",
  tags: ["Webhooks"],
  summary: "Send a test event",
  description:
    "Sends an event of type `test`, signed and repeated like any other event. The list of deliveries shows the result.",
  security: security.manage,
  middleware: [credentials],
  request: { params: webhookPath },
  responses: {
    202: jsonResponse(deliverySchema, "The new delivery. It is being sent."),
    ...errors(checks.projects, "validation_failed", "webhook_not_found", "webhook_inactive"),
  },
});

export const testWebhook = createRouter().openapi(route, async (c) => {
  const deps = c.get("deps");
  const { project_id, webhook_id } = c.req.valid("param");
  const delivery = await sendTestEvent(...c.get("caller"), project_id, webhook_id);
  deps.background(deliverWebhooks(deps));
  return c.json(delivery, 202);
});
