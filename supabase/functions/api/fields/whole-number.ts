import { z } from "@hono/zod-openapi";

const longestNumber = 20;

/** A whole number of a query or path in decimal digits. `0x10`, `1e3` and `7.0` are refused. */
export const wholeNumber = (min: number, max: number, fallback?: number) =>
  z
    .string()
    .max(longestNumber, { abort: true, error: "must be a number" })
    .refine((text) => /^\d{1,10}$/.test(text), "must be a whole number")
    .transform(Number)
    .pipe(z.number().int().min(min).max(max))
    .openapi({
      type: "integer",
      minimum: min,
      maximum: max,
      ...(fallback !== undefined && { default: fallback }),
    });

/** A time in seconds, such as `2.5`. */
export const seconds = (max: number) =>
  z
    .string()
    .max(longestNumber, { abort: true, error: "must be a number" })
    .refine((text) => /^\d{1,6}(\.\d{1,6})?$/.test(text), "must be a number of seconds")
    .transform(Number)
    .pipe(z.number().max(max))
    .openapi({ type: "number", minimum: 0, maximum: max });
