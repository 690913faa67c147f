import { z } from "@hono/zod-openapi";
import { emptyAsAbsent } from "../empty-as-absent.ts";

const jsonContent = <T extends z.ZodType>(schema: T) => {
  const lenient = z.preprocess(
    (json) => (schema instanceof z.ZodObject ? emptyAsAbsent(schema, json) : json),
    schema,
  );
  return { "application/json": { schema: lenient } };
};

export const jsonBody = <T extends z.ZodType>(schema: T) =>
  ({ body: { required: true, content: jsonContent(schema) } }) as const;

/** For `jsonOrNothing`: without a body every field has its default. */
export const optionalJsonBody = <T extends z.ZodType>(schema: T) =>
  ({ body: { required: false, content: jsonContent(schema) } }) as const;
