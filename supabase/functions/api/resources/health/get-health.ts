import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { AppEnv } from "../../context.ts";
import { ApiError } from "../../errors.ts";
import { credentials } from "../../middleware/credentials.ts";
import { createRouter, errorResponses, jsonResponse, security, version } from "../../openapi.ts";
import { checkDatabase, checkStorage, redisPart } from "./checks.ts";

const statusSchema = z.enum(["healthy", "degraded", "unhealthy"]);
const partSchema = z.object({
  status: z.enum(["healthy", "unhealthy", "not_configured"]),
  latency_ms: z.number().optional(),
  error: z.string().optional().openapi({ description: "The class of the last error." }),
});
const timestamp = z.string().openapi({ format: "date-time" });
const liveSchema = z.object({ status: z.literal("healthy"), version: z.string() }).openapi("Liveness");
const healthSchema = z
  .object({
    status: statusSchema,
    database: partSchema,
    file_storage: partSchema.openapi({ description: "The same as `storage`; the older name." }),
    storage: partSchema,
    redis: partSchema,
    timestamp,
    version: z.string(),
  })
  .openapi("Health");
const singleSchema = partSchema.extend({ timestamp }).openapi("PartHealth");
const detailedSchema = healthSchema
  .extend({
    database: partSchema.extend({ version: z.string().optional() }),
    system: z.object({ pool_size: z.int(), generation_configured: z.boolean() }),
  })
  .openapi("DetailedHealth");

const common = { method: "get" as const, tags: ["Health"], security: security.none };
const down = { description: "A required part is down." };

const liveRoute = createRoute({
  ...common,
  path: "/health",
  operationId: "health.live",
  summary: "Whether the API runs",
  responses: { 200: jsonResponse(liveSchema, "It runs.") },
});
const healthRoute = createRoute({
  ...common,
  path: "/api/v1/health",
  operationId: "health.get",
  summary: "Whether the API can serve",
  responses: {
    200: jsonResponse(healthSchema, "It can."),
    503: { ...jsonResponse(healthSchema, ""), ...down },
  },
});
const partRoute = <P extends "database" | "storage" | "redis">(part: P) =>
  createRoute({
    ...common,
    path: `/api/v1/health/${part}`,
    operationId: `health.${part}`,
    summary: `Whether the ${part} answers`,
    responses: {
      200: jsonResponse(singleSchema, "It does, or is not configured."),
      503: { ...jsonResponse(singleSchema, ""), ...down },
    },
  });
const detailedRoute = createRoute({
  ...common,
  path: "/api/v1/health/detailed",
  operationId: "health.detailed",
  summary: "Health with versions and figures, for operators",
  security: security.operate,
  middleware: [credentials],
  responses: {
    200: jsonResponse(detailedSchema, "Every part."),
    ...errorResponses(400, 401, 403),
    503: { ...jsonResponse(detailedSchema, ""), ...down },
  },
});

export const health = createRouter()
  .openapi(liveRoute, (c) => c.json({ status: "healthy" as const, version }, 200))
  .openapi(healthRoute, async (c) => {
    const { version: _, ...rest } = await allParts(c);
    return c.json({ ...rest, version }, rest.status === "unhealthy" ? 503 : 200);
  })
  .openapi(partRoute("database"), async (c) => single(c, withoutVersion(await checkDatabase(c.get("deps")))))
  .openapi(partRoute("storage"), async (c) => single(c, await checkStorage(c.get("deps"))))
  .openapi(partRoute("redis"), (c) => single(c, redisPart))
  .openapi(detailedRoute, async (c) => {
    const { database, env, replicate } = c.get("deps");
    const caller = await database.call<{ role: string }>("check_credentials", [
      c.get("credentials"),
      "platform",
    ]);
    if (caller.role !== "operator") throw new ApiError("operators_only");
    const { version: serverVersion, ...rest } = await allParts(c);
    const system = { pool_size: env.database_pool_size, generation_configured: replicate.configured };
    const body = {
      ...rest,
      database: { ...rest.database, ...(serverVersion && { version: serverVersion }) },
      system,
      version,
    };
    return c.json(body, rest.status === "unhealthy" ? 503 : 200);
  });

async function allParts(c: Context<AppEnv>) {
  const deps = c.get("deps");
  const [{ version: serverVersion, ...database }, storage] = await Promise.all([
    checkDatabase(deps),
    checkStorage(deps),
  ]);
  const parts = [database, storage];
  const status = parts.some((part) => part.status === "unhealthy")
    ? ("unhealthy" as const)
    : ("healthy" as const);
  const timestamp = new Date().toISOString();
  return {
    status,
    database,
    file_storage: storage,
    storage,
    redis: redisPart,
    timestamp,
    version: serverVersion,
  };
}

const withoutVersion = ({ version: _, ...part }: Awaited<ReturnType<typeof checkDatabase>>) => part;

function single<P extends { status: "healthy" | "unhealthy" | "not_configured" }>(
  c: Context<AppEnv>,
  part: P,
) {
  return c.json({ ...part, timestamp: new Date().toISOString() }, part.status === "unhealthy" ? 503 : 200);
}
