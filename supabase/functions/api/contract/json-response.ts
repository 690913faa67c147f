import type { z } from "@hono/zod-openapi";

/** `example` names the fields that differ from the example of the schema. */
export function jsonResponse<T extends z.ZodType>(schema: T, description: string, example?: object) {
  return { description, content: { "application/json": { schema, ...(example && { example }) } } };
}
