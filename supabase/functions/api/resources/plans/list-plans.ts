import { createRoute, z } from "@hono/zod-openapi";
import { checks, errors } from "../../contract/errors.ts";
import { jsonResponse } from "../../contract/json-response.ts";
import { security } from "../../contract/security.ts";
import { credentials } from "../../middleware/credentials.ts";
import { createRouter } from "../../router.ts";
import { planSchema } from "./schemas.ts";
import * as store from "./store.ts";

const route = createRoute({
  method: "get",
  path: "/api/v1/plans",
  operationId: "plans.list",
  tags: ["Projects"],
  summary: "List plans",
  description:
    "Returns the plans that the operator lists, and the plans of the caller and the caller's projects. An operator sees all.",
  security: security.manage,
  middleware: [credentials],
  responses: {
    200: jsonResponse(
      z
        .object({ plans: z.array(planSchema).openapi({ description: "The plans, the smallest first." }) })
        .openapi("Plans"),
      "The plans that the caller may see.",
    ),
    ...errors(checks.projects),
  },
});

export const listPlans = createRouter().openapi(route, async (c) => {
  return c.json({ plans: await store.listPlans(...c.get("caller")) }, 200);
});
