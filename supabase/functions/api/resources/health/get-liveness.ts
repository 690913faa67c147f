import { createRoute, z } from "@hono/zod-openapi";
import { jsonResponse } from "../../contract/json-response.ts";
import { security } from "../../contract/security.ts";
import { createRouter } from "../../router.ts";
import { version } from "../../version.ts";

const route = createRoute({
  method: "get",
  path: "/health",
  operationId: "health.live",
  summary: "Check that the API runs",
  description: "Constant, and asks nothing of the parts behind it: for load balancers and for starting up.",
  tags: ["Health"],
  security: security.none,
  responses: {
    200: jsonResponse(
      z
        .object({
          status: z
            .literal("healthy")
            .openapi({ description: "Always, if there is an answer.", example: "healthy" }),
          version: z.string().openapi({ description: "Of the API.", example: version }),
        })
        .openapi("Liveness"),
      "It runs.",
    ),
  },
});

export const getLiveness = createRouter().openapi(route, (c) =>
  c.json({ status: "healthy" as const, version }, 200),
);
