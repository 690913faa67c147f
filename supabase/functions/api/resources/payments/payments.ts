import { createRoute, z } from "@hono/zod-openapi";
import { checks, errors } from "../../contract/errors.ts";
import { jsonResponse } from "../../contract/json-response.ts";
import { security } from "../../contract/security.ts";
import { ApiError } from "../../errors.ts";
import { credentials } from "../../middleware/credentials.ts";
import { createRouter } from "../../router.ts";
import { getMe } from "../auth/store.ts";

const common = {
  tags: ["Payments"],
  security: security.user,
  middleware: [credentials],
};

const subscriptionRoute = createRoute({
  ...common,
  method: "get",
  path: "/api/v1/payments/stripe/my-subscription",
  operationId: "payments.mySubscription",
  summary: "Get the subscription",
  description: "Always null: this service sells nothing. Pages of the Starter Kit call this endpoint.",
  responses: {
    200: jsonResponse(z.null().openapi({ example: null }), "Always null: there is no subscription."),
    ...errors(checks.account),
  },
});

const paymentsRoute = createRoute({
  ...common,
  method: "get",
  path: "/api/v1/payments/stripe/my-payments",
  operationId: "payments.myPayments",
  summary: "List payments",
  description:
    "Always an empty page: this service sells nothing. Pages of the Starter Kit call this endpoint.",
  responses: {
    200: jsonResponse(
      z
        .object({
          payments: z.array(z.never()).max(0).openapi({
            type: "array",
            maxItems: 0,
            items: {},
            description: "Always empty.",
            example: [],
          }),
          total: z.int().openapi({ description: "Always 0.", example: 0 }),
          page: z.int().openapi({ description: "Always 1.", example: 1 }),
          page_size: z.int().openapi({ description: "Always 50.", example: 50 }),
        })
        .openapi("Payments"),
      "An empty page: there are no payments.",
    ),
    ...errors(checks.account),
  },
});

const otherRoute = createRoute({
  method: "post",
  path: "/api/v1/payments/stripe/{action}",
  operationId: "payments.other",
  tags: ["Payments"],
  security: security.none,
  summary: "Call another payment endpoint",
  description: "Always 501, with every method: this service sells nothing.",
  request: {
    params: z.object({
      action: z.string().openapi({
        param: { name: "action", in: "path" },
        description: "The name of the payment action.",
        example: "checkout-session",
      }),
    }),
  },
  responses: { ...errors("payments_not_offered") },
});

export const payments = createRouter()
  .openapi(subscriptionRoute, async (c) => {
    await getMe(...c.get("caller"));
    return c.json(null, 200);
  })
  .openapi(paymentsRoute, async (c) => {
    await getMe(...c.get("caller"));
    return c.json({ payments: [], total: 0, page: 1, page_size: 50 }, 200);
  });

payments.openAPIRegistry.registerPath(otherRoute);
payments.all("/api/v1/payments/*", () => {
  throw new ApiError("payments_not_offered");
});
