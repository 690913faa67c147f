import { createRoute } from "@hono/zod-openapi";
import { checks, errors } from "../../contract/errors.ts";
import { jsonResponse } from "../../contract/json-response.ts";
import { security } from "../../contract/security.ts";
import { credentials } from "../../middleware/credentials.ts";
import { createRouter } from "../../router.ts";
import { deliverWebhooks } from "./delivery/deliver-webhooks.ts";
import { deliveryPath, deliverySchema } from "./schemas.ts";
import * as store from "./store.ts";

const route = createRoute({
  method: "post",
  path: "/api/v1/projects/{project_id}/webhooks/{webhook_id}/deliveries/{delivery_id}/replay",
  operationId: "webhooks.replay",
  tags: ["Webhooks"],
  summary: "Send an event again",
  description:
    "Sends the event again with the same `webhook-id`. A receiver that already processed it can ignore it.",
  security: security.manage,
  middleware: [credentials],
  request: { params: deliveryPath },
  responses: {
    202: jsonResponse(deliverySchema, "The new delivery. It is being sent."),
    ...errors(
      checks.projects,
      "validation_failed",
      "webhook_not_found",
      "delivery_not_found",
      "webhook_inactive",
    ),
  },
});

export const replayDelivery = createRouter().openapi(route, async (c) => {
  const deps = c.get("deps");
  const { project_id, webhook_id, delivery_id } = c.req.valid("param");
  const delivery = await store.replayDelivery(...c.get("caller"), project_id, webhook_id, delivery_id);
  deps.background(deliverWebhooks(deps));
  return c.json(delivery, 202);
});
