import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { AppEnv } from "../../context.ts";
import { checks, errors } from "../../contract/errors.ts";
import { security } from "../../contract/security.ts";
import { ApiError } from "../../errors.ts";
import { timestamp } from "../../fields/text.ts";
import { credentials } from "../../middleware/credentials.ts";
import { createRouter } from "../../router.ts";
import { describeService, serviceSchema } from "./report/describe-service.ts";
import { healthJson, healthResponses, healthSchema, publicHealth } from "./schemas.ts";
import { callerRole, serviceReport } from "./store.ts";

const lastErrorSchema = z.object({
  error: z.string().openapi({ description: "The class of the error.", example: "timeout" }),
  at: timestamp("When the failure happened."),
});
const schema = z
  .object({
    ...healthSchema.shape,
    last_errors: z.record(z.string(), lastErrorSchema).openapi({
      description:
        "The last failure of each part that this instance saw. It stays here after the part recovers.",
      example: { redis: { error: "timeout", at: "2026-11-24T09:00:00.123456Z" } },
    }),
    service: serviceSchema.optional().openapi({ description: "For operators only." }),
  })
  .openapi("DetailedHealth");

const route = createRoute({
  method: "get",
  path: "/api/v1/health/detailed",
  operationId: "health.detailed",
  summary: "Get health in detail",
  description: "Only operators see versions, pool, queue, jobs, mail and settings.",
  tags: ["Health"],
  security: [...security.none, ...security.operate],
  middleware: [credentials],
  responses: {
    ...errors(checks.public, "invalid_token", "account_deactivated", "project_inactive"),
    ...healthResponses(schema),
  },
});

export const getDetailedHealth = createRouter().openapi(route, async (c) => {
  const deps = c.get("deps");
  const [parts, isOperator] = await Promise.all([deps.health.lookAll(), askedByOperator(c)]);
  const health = { ...publicHealth(parts), last_errors: deps.health.lastErrors() };
  const status = health.status === "unhealthy" ? 503 : 200;
  if (!isOperator) return healthJson(c, health, status);
  const [report, replicate_token] = await Promise.all([
    serviceReport(deps.database),
    deps.replicate.configured ? deps.replicate.checkToken(tokenDeadlineMs) : undefined,
  ]);
  const service = {
    ...describeService(deps, report),
    ...(replicate_token === undefined ? {} : { replicate_token }),
  };
  return healthJson(c, { ...health, service }, status);
});

const tokenDeadlineMs = 700;

/** Whether an operator asks. While the database is down nobody counts as an operator, and the public report is answered. */
async function askedByOperator(c: Context<AppEnv>): Promise<boolean> {
  try {
    return (await callerRole(...c.get("caller"), "public")) === "operator";
  } catch (error) {
    if (error instanceof ApiError && error.code === "database_unavailable") return false;
    throw error;
  }
}
