import { createRoute } from "@hono/zod-openapi";
import type { PartName } from "../../clients/health-monitor.ts";
import { security } from "../../contract/security.ts";
import { timestamp } from "../../fields/text.ts";
import { instantNow } from "../../instants.ts";
import { createRouter } from "../../router.ts";
import { healthJson, healthResponses, partSchema } from "./schemas.ts";

const schema = partSchema.extend({ timestamp: timestamp("When it was asked.") }).openapi("PartHealth");

const route = <P extends PartName>(part: P) =>
  createRoute({
    method: "get",
    path: `/api/v1/health/${part}`,
    operationId: `health.${part}`,
    summary: `Check ${part === "redis" ? "Redis" : `the ${part}`}`,
    description: "One part, within a second. 503 when it is configured and does not answer.",
    tags: ["Health"],
    security: security.none,
    responses: healthResponses(schema),
  });

export const getPartHealth = createRouter();
for (const part of ["database", "storage", "redis"] as const) {
  getPartHealth.openapi(route(part), async (c) => {
    const state = await c.get("deps").health.look(part);
    const body = { ...state, timestamp: instantNow() };
    return healthJson(c, body, state.status === "unhealthy" ? 503 : 200);
  });
}
