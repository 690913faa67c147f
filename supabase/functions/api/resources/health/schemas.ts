import { z } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { version } from "../../openapi.ts";
import { overall, type PartName, type PartState } from "./monitor.ts";

export const partSchema = z.object({
  status: z.enum(["healthy", "unhealthy", "not_configured"]),
  latency_ms: z.number().optional(),
  error: z
    .string()
    .optional()
    .openapi({ description: "The class of the error: a code of this API, `timeout` or `unreachable`." }),
});
export const timestampSchema = z.string().openapi({ format: "date-time" });

export const healthSchema = z
  .object({
    status: z.enum(["healthy", "degraded", "unhealthy"]).openapi({
      description:
        "`unhealthy` when the database, Auth or Storage does not answer; `degraded` when an optional part does not.",
    }),
    database: partSchema,
    auth: partSchema,
    file_storage: partSchema.openapi({ description: "The same as `storage`; the older name." }),
    storage: partSchema,
    redis: partSchema,
    mail: partSchema,
    image_provider: partSchema,
    timestamp: timestampSchema,
    version: z.string(),
  })
  .openapi("Health");

/** What everybody may know: no host, no version of another part. */
export function publicHealth(parts: Record<PartName, PartState>) {
  return {
    status: overall(parts),
    ...parts,
    file_storage: parts.storage,
    timestamp: new Date().toISOString(),
    version,
  };
}

/** 200, and 503 with the same body: an answer, not an error. */
export function healthResponses<T extends z.ZodType>(schema: T) {
  const content = { "application/json": { schema }, "application/health+json": { schema } };
  return {
    200: { description: "It can, or only an optional part is down.", content },
    503: { description: "A part that is needed is down.", content },
  };
}

/** JSON, or what monitors ask for: https://datatracker.ietf.org/doc/html/draft-inadarei-api-health-check */
export function healthJson<T extends object, S extends ContentfulStatusCode>(c: Context, body: T, status: S) {
  const asked = /application\/health\+json/i.test(c.req.header("accept") ?? "");
  // Never from a cache: it would tell of another moment.
  c.header("Cache-Control", "no-store");
  return c.json(body, status, asked ? { "Content-Type": "application/health+json" } : {});
}
