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
  description: "For load balancers and start-up checks. It checks no part behind the API.",
  tags: ["Health"],
  security: security.none,
  responses: {
    200: jsonResponse(
      z
        .object({
          status: z
            .literal("healthy")
            .openapi({ description: "Always `healthy`: the process responds.", example: "healthy" }),
          version: z.string().openapi({ description: "The version of the API.", example: version }),
        })
        .openapi("Liveness"),
      "The API runs.",
    ),
  },
});

export const getLiveness = createRouter().openapi(route, (c) =>
  c.json({ status: "healthy" as const, version }, 200),
);
