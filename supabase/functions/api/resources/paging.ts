import { z } from "@hono/zod-openapi";
import { storableText } from "./text.ts";

export const searchQuery = (description: string) =>
  z.object({
    search: storableText().max(255).optional().openapi({ description }),
    is_active: z.enum(["true", "false"]).optional(),
  });

export const pageQuery = z.object({
  page: z.coerce.number().int().min(1).max(1_000_000).default(1),
  page_size: z.coerce.number().int().min(1).max(100).default(50),
});

/** A query's `is_active` as the database takes it: null is no filter. */
export const toFlag = (text: "true" | "false" | undefined) => (text === undefined ? null : text === "true");

export const totalCountHeader = {
  "X-Total-Count": {
    description: "How many there are on all pages.",
    schema: { type: "integer" as const },
  },
};
