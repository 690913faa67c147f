import { createRoute } from "@hono/zod-openapi";
import { security } from "../../contract/security.ts";
import { createRouter } from "../../router.ts";
import { healthJson, healthResponses, healthSchema, publicHealth } from "./schemas.ts";

const route = createRoute({
  method: "get",
  path: "/api/v1/health",
  operationId: "health.get",
  summary: "Check the API and its parts",
  description: "Checks every part. Responds within one second, also when a part is down.",
  tags: ["Health"],
  security: security.none,
  responses: healthResponses(healthSchema),
});

export const getHealth = createRouter().openapi(route, async (c) => {
  const health = publicHealth(await c.get("deps").health.lookAll());
  return healthJson(c, health, health.status === "unhealthy" ? 503 : 200);
});
