import { createRoute, z } from "@hono/zod-openapi";
import { createRouter, jsonResponse, security, version } from "../../openapi.ts";

const route = createRoute({
  method: "get",
  path: "/health",
  operationId: "health.live",
  summary: "Whether the API runs",
  description: "Constant: it looks at nothing. Whether the API can serve is told by `/api/v1/health`.",
  tags: ["Health"],
  security: security.none,
  responses: {
    200: jsonResponse(
      z.object({ status: z.literal("healthy"), version: z.string() }).openapi("Liveness"),
      "It runs.",
    ),
  },
});

export const getLiveness = createRouter().openapi(route, (c) =>
  c.json({ status: "healthy" as const, version }, 200),
);
