import { z } from "@hono/zod-openapi";

const longestWord = 20;
export const notAFlag = "must be true or false";

const words = new Map([
  ["true", true],
  ["1", true],
  ["on", true],
  ["false", false],
  ["0", false],
  ["off", false],
]);

/** Reads a boolean of a form or query. Undefined for any other text. */
export const flagOf = (text: string) =>
  text.length > longestWord ? undefined : words.get(text.trim().toLowerCase());

/** A boolean of a query. */
export const flag = () =>
  z
    .string()
    .transform((text, context) => {
      const found = flagOf(text);
      if (found === undefined) context.addIssue({ code: "custom", message: notAFlag });
      return found ?? z.NEVER;
    })
    .openapi({ type: "boolean" });
