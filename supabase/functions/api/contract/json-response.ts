import type { z } from "@hono/zod-openapi";

/** `example` has the fields that differ from the schema's example. */
export function jsonResponse<T extends z.ZodType>(schema: T, description: string, example?: object) {
  return { description, content: { "application/json": { schema, ...(example && { example }) } } };
}
