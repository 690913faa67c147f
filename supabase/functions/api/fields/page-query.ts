import { z } from "@hono/zod-openapi";
import { invalidField } from "../errors.ts";
import { flag } from "./flag.ts";
import { text } from "./text.ts";
import { wholeNumber } from "./whole-number.ts";

/** What is looked for, in the one form in which names and addresses are kept. */
const search = text({ max: 255, clean: (raw) => raw.normalize("NFC").trim() });

export const searchQuery = (description: string) =>
  z.object({
    search: search.optional().openapi({ description, example: "ada" }),
    is_active: flag().optional().openapi({
      description: "Only active ones, or only those that are not. Left out: both.",
      example: true,
    }),
  });

/** Which part of a list: `size` is how many a page has when the query does not say. */
export const pageQueryOf = ({ pages, size }: { pages: number; size: number }) =>
  z.object({
    page: wholeNumber(1, pages, 1).default(1).openapi({ description: "Which page, from 1.", example: 1 }),
    page_size: wholeNumber(1, 100, size)
      .optional()
      .openapi({ description: "How many on a page.", example: size }),
    per_page: wholeNumber(1, 100)
      .optional()
      .openapi({ description: "The older name of `page_size`.", example: size, deprecated: true }),
  });

/** A page of a list, and what narrows the list; null is no filter. */
export type Page = { page: number; page_size: number };
export type Filter = { search: string | null; is_active: boolean | null };

const size = 50;
export const pageQuery = pageQueryOf({ pages: 1_000_000, size });

/** The size of a page by either of its names. @throws ApiError validation_failed when the two differ */
export function pageSizeOf(
  { page_size, per_page }: { page_size?: number | undefined; per_page?: number | undefined },
  fallback = size,
): number {
  if (page_size !== undefined && per_page !== undefined && page_size !== per_page) {
    throw invalidField(["query", "per_page"], "is given twice, by page_size and per_page");
  }
  return page_size ?? per_page ?? fallback;
}

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
