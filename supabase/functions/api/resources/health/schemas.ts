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
    .openapi({ description: "Whether the part answers.", example: "healthy" }),
  latency_ms: z.number().optional().openapi({ description: "Milliseconds until it answered.", example: 3.2 }),
  error: z
    .string()
    .optional()
    .openapi({ description: "The class of the error: a code of this API, `timeout` or `unreachable`." }),
});
export const healthSchema = z
  .object({
    status: z.enum(["healthy", "degraded", "unhealthy"]).openapi({
      description:
        "`unhealthy`: the database, Auth or Storage does not answer. `degraded`: a part that is not required does not.",
      example: "healthy",
    }),
    database: partSchema.openapi({ description: "Postgres. Required." }),
    auth: partSchema.openapi({ description: "Supabase Auth. Required." }),
    file_storage: partSchema.openapi({ description: "The same as `storage`; the older name." }),
    storage: partSchema.openapi({ description: "Where the pictures are kept. Required." }),
    redis: partSchema.openapi({
      description: "Where limits are counted; without it Postgres counts them.",
      example: { status: "not_configured" },
    }),
    mail: partSchema.openapi({ description: "Who delivers mail; what waits is sent when it is back." }),
    image_provider: partSchema.openapi({
      description: "Replicate; what was asked for meanwhile is made when it is back.",
    }),
    timestamp: timestamp("When it was asked."),
    version: z.string().openapi({ description: "Of the API.", example: version }),
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
    200: { description: "It can, or only an optional part is down.", content },
    503: { description: "A part that is needed is down.", content },
  };
}

/** JSON, or the media type of https://datatracker.ietf.org/doc/html/draft-inadarei-api-health-check for monitors. */
export function healthJson<T extends object, S extends ContentfulStatusCode>(c: Context, body: T, status: S) {
  const asked = /application\/health\+json/i.test(c.req.header("accept") ?? "");
  return c.json(body, status, asked ? { "Content-Type": "application/health+json" } : {});
}
