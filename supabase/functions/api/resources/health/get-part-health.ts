import { createRoute } from "@hono/zod-openapi";
import type { PartName } from "../../clients/health-monitor.ts";
import { security } from "../../contract/security.ts";
import { timestamp } from "../../fields/text.ts";
import { instantNow } from "../../instants.ts";
import { createRouter } from "../../router.ts";
import { healthJson, healthResponses, partSchema } from "./schemas.ts";

const schema = partSchema.extend({ timestamp: timestamp("When the check ran.") }).openapi("PartHealth");

const route = <P extends PartName>(part: P) =>
  createRoute({
    method: "get",
    path: `/api/v1/health/${part}`,
    operationId: `health.${part}`,
    summary: `Check ${part === "redis" ? "Redis" : `the ${part}`}`,
    description:
      "Checks one part within one second. Returns 503 if the part is configured and does not respond.",
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
