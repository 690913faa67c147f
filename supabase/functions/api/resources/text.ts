import { z } from "@hono/zod-openapi";

/** Text that Postgres can store: no NUL and no half of a surrogate pair. */
export function storableText() {
  return z
    .string()
    .refine(
      (text) => !text.includes("\u0000") && text.isWellFormed(),
      "contains a character that cannot be stored",
    );
}

export const uuid = () => z.uuid().openapi({ format: "uuid" });
export const timestamp = () =>
  z.string().openapi({ format: "date-time", example: "2026-11-24T09:00:00.000000+00:00" });
