import type { z } from "@hono/zod-openapi";

const isObject = (json: unknown): json is Record<string, unknown> =>
  typeof json === "object" && json !== null && !Array.isArray(json);
const isEmpty = (value: unknown) => value === null || value === "";

/** A JSON object without fields that are null or an empty text. Other values are returned unchanged. */
export function withoutEmpty<T>(json: T): T {
  if (!isObject(json)) return json;
  return Object.fromEntries(Object.entries(json).filter(([, value]) => !isEmpty(value))) as T;
}

/** The same, but only for optional fields whose schema does not accept the empty value. Elsewhere it has a meaning. */
export function emptyAsAbsent(schema: z.ZodObject, json: unknown): unknown {
  if (!isObject(json)) return json;
  const isAbsent = ([name, value]: [string, unknown]) => {
    const field = Object.hasOwn(schema.shape, name) ? (schema.shape[name] as z.ZodType) : undefined;
    return isEmpty(value) && field?.safeParse(undefined).success === true && !field.safeParse(value).success;
  };
  return Object.fromEntries(Object.entries(json).filter((entry) => !isAbsent(entry)));
}
