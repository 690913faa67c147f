import { createRoute } from "@hono/zod-openapi";
import { checks, errors } from "../../contract/errors.ts";
import { jsonResponse } from "../../contract/json-response.ts";
import { security } from "../../contract/security.ts";
import { pageQuery, pageSizeOf, totalCountHeader } from "../../fields/page-query.ts";
import { credentials } from "../../middleware/credentials.ts";
import { createRouter } from "../../router.ts";
import { deliveriesSchema, deliverySchema, webhookPath } from "./schemas.ts";
import * as store from "./store.ts";

const route = createRoute({
  method: "get",
  path: "/api/v1/projects/{project_id}/webhooks/{webhook_id}/deliveries",
  operationId: "webhooks.listDeliveries",
  tags: ["Webhooks"],
  summary: "List deliveries",
  description: "Newest first, waiting and failed ones included. Entries are kept for 30 days.",
  security: security.manage,
  middleware: [credentials],
  request: {
    params: webhookPath,
    query: pageQuery.extend({ status: deliverySchema.shape.status.optional() }),
  },
  responses: {
    200: { ...jsonResponse(deliveriesSchema, "The entries of this page."), headers: totalCountHeader },
    ...errors(checks.projects, "validation_failed", "webhook_not_found"),
  },
});

export const listDeliveries = createRouter().openapi(route, async (c) => {
  const { project_id, webhook_id } = c.req.valid("param");
  const { status = null, page, ...sizes } = c.req.valid("query");
  const found = await store.listDeliveries(...c.get("caller"), project_id, webhook_id, {
    status,
    page,
    page_size: pageSizeOf(sizes),
  });
  c.header("X-Total-Count", String(found.total));
  return c.json(found, 200);
});
