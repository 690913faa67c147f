import { z } from "@hono/zod-openapi";
import { wholeNumber } from "./numbers.ts";
import { text } from "./text.ts";

/** What is looked for, in the one form in which names and addresses are kept. */
const search = text({ max: 255, clean: (raw) => raw.normalize("NFC").trim() });

export const searchQuery = (description: string) =>
  z.object({
    search: search.optional().openapi({ description, example: "ada" }),
    is_active: z.enum(["true", "false"]).optional().openapi({
      description: "Only active ones, or only those that are not. Left out: both.",
      example: "true",
    }),
  });

export const pageQuery = z.object({
  page: wholeNumber(1, 1_000_000, 1).default(1).openapi({ description: "Which page, from 1.", example: 1 }),
  page_size: wholeNumber(1, 100, 50).default(50).openapi({ description: "How many on a page.", example: 50 }),
});

/** A page of a list, and what narrows the list; null is no filter. */
export type Page = { page: number; page_size: number };
export type Filter = { search: string | null; is_active: boolean | null };

/** A query's `is_active` as the database takes it: null is no filter. */
export const toFlag = (text: "true" | "false" | undefined) => (text === undefined ? null : text === "true");

/** A search for nothing is no search. */
export const toSearch = (text: string | undefined) => text || null;

/** What a list tells of itself beside its items. */
export const pageFields = {
  total: z.int().openapi({ description: "How many there are on all pages.", example: 1 }),
  page: z.int().openapi({ description: "The page that was asked for.", example: 1 }),
  page_size: z.int().openapi({ description: "How many a page has at most.", example: 50 }),
};

export const totalCountHeader = {
  "X-Total-Count": {
    description: "How many there are on all pages.",
    required: true,
    schema: { type: "integer" as const, example: 1 },
  },
};
