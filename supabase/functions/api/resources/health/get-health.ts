import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { AppEnv } from "../../context.ts";
import { ApiError } from "../../errors.ts";
import { credentials } from "../../middleware/credentials.ts";
import { createRouter, errorResponses, jsonResponse, security, version } from "../../openapi.ts";
import { checkDatabase, checkStorage, redisPart } from "./checks.ts";

const statusSchema = z.enum(["healthy", "degraded", "unhealthy"]).openapi({
  description: "`degraded`: a part that is not required is down. `unhealthy`: one that is.",
  example: "healthy",
});
const apiVersion = z.string().openapi({ description: "Of the API.", example: version });
const partSchema = z.object({
  status: z
    .enum(["healthy", "unhealthy", "not_configured"])
    .openapi({ description: "Whether the part answers.", example: "healthy" }),
  latency_ms: z.number().optional().openapi({ description: "Milliseconds until it answered.", example: 3 }),
  error: z.string().optional().openapi({ description: "The class of the error, when there is one." }),
});
const timestamp = z
  .string()
  .openapi({ format: "date-time", description: "When it was asked.", example: "2026-11-24T09:00:00.123Z" });
const liveSchema = z
  .object({
    status: z
      .literal("healthy")
      .openapi({ description: "Always, if there is an answer.", example: "healthy" }),
    version: apiVersion,
  })
  .openapi("Liveness");
const healthSchema = z
  .object({
    status: statusSchema,
    database: partSchema.openapi({ description: "Postgres. Required." }),
    file_storage: partSchema.openapi({ description: "The same as `storage`; the older name." }),
    storage: partSchema.openapi({ description: "Where the pictures are kept. Required." }),
    redis: partSchema.openapi({ description: "An optional cache.", example: { status: "not_configured" } }),
    timestamp,
    version: apiVersion,
  })
  .openapi("Health");
const singleSchema = partSchema.extend({ timestamp }).openapi("PartHealth");
const detailedSchema = z
  .object({
    ...healthSchema.shape,
    database: partSchema
      .extend({
        version: z.string().optional().openapi({ description: "Of its server.", example: "17.6" }),
      })
      .openapi({ description: "Postgres. Required." }),
    system: z
      .object({
        pool_size: z
          .int()
          .openapi({ description: "Connections that one isolate opens at most.", example: 3 }),
        generation_configured: z
          .boolean()
          .openapi({ description: "Whether there is a token of Replicate.", example: true }),
      })
      .openapi({ description: "How the API runs." }),
  })
  .openapi("DetailedHealth");

const common = { method: "get" as const, tags: ["Health"], security: security.none };
const down = { description: "A required part is down." };

const liveRoute = createRoute({
  ...common,
  path: "/health",
  operationId: "health.live",
  summary: "Whether the API runs",
  description: "Constant, and asks nothing of the parts behind it: for load balancers and for starting up.",
  responses: { 200: jsonResponse(liveSchema, "It runs.") },
});
const healthRoute = createRoute({
  ...common,
  path: "/api/v1/health",
  operationId: "health.get",
  summary: "Whether the API can serve",
  description: "Asks every part, and answers within a second also when one is down.",
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
    description: "One part, within a second.",
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
  description: "With an operator's key or token: what others must not know of the machinery.",
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
