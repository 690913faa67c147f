import { z } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { overall, type PartName, type PartState } from "../../clients/health-monitor.ts";
import { timestamp } from "../../fields/text.ts";
import { instantNow } from "../../instants.ts";
import { version } from "../../version.ts";

export const partSchema = z.object({
  status: z
    .enum(["healthy", "unhealthy", "not_configured"])
    .openapi({ description: "Whether the part responds.", example: "healthy" }),
  latency_ms: z.number().optional().openapi({ description: "Response time in milliseconds.", example: 3.2 }),
  error: z
    .string()
    .optional()
    .openapi({ description: "The class of the error: a code of this API, `timeout` or `unreachable`." }),
});
export const healthSchema = z
  .object({
    status: z.enum(["healthy", "degraded", "unhealthy"]).openapi({
      description:
        "`unhealthy`: the database, Auth or Storage does not respond. `degraded`: an optional part does not respond.",
      example: "healthy",
    }),
    database: partSchema.openapi({ description: "Postgres. Required." }),
    auth: partSchema.openapi({ description: "Supabase Auth. Required." }),
    file_storage: partSchema.openapi({ description: "The same as `storage`; the older name." }),
    storage: partSchema.openapi({ description: "Supabase Storage, which keeps the pictures. Required." }),
    redis: partSchema.openapi({
      description: "Redis, which counts requests for the limits. Optional: without it Postgres counts them.",
      example: { status: "not_configured" },
    }),
    mail: partSchema.openapi({
      description: "The mail provider. Optional: while it is down, mail waits and is sent later.",
    }),
    image_provider: partSchema.openapi({
      description: "Replicate. Optional: while it is down, generations wait and are made later.",
    }),
    timestamp: timestamp("When the check ran."),
    version: z.string().openapi({ description: "The version of the API.", example: version }),
  })
  .openapi("Health");

/** The public report. It contains no host and no version of another part. */
export function publicHealth(parts: Record<PartName, PartState>) {
  return {
    status: overall(parts),
    ...parts,
    file_storage: parts.storage,
    timestamp: instantNow(),
    version,
  };
}

/** 200, and 503 with the same body. It is a report, not an error. */
export function healthResponses<T extends z.ZodType>(schema: T) {
  const content = { "application/json": { schema }, "application/health+json": { schema } };
  return {
    200: { description: "All required parts respond. An optional part may be down.", content },
    503: { description: "A required part does not respond.", content },
  };
}

/** JSON, or the media type of https://datatracker.ietf.org/doc/html/draft-inadarei-api-health-check for monitors. */
export function healthJson<T extends object, S extends ContentfulStatusCode>(c: Context, body: T, status: S) {
  const asked = /application\/health\+json/i.test(c.req.header("accept") ?? "");
  return c.json(body, status, asked ? { "Content-Type": "application/health+json" } : {});
}
