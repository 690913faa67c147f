import { z } from "@hono/zod-openapi";
import { invalidField } from "../errors.ts";
import { flag } from "./flag.ts";
import { text } from "./text.ts";
import { wholeNumber } from "./whole-number.ts";

/** A search text, normalized like the stored names and addresses. */
const search = text({ max: 255, clean: (raw) => raw.normalize("NFC").trim() });

export const searchQuery = (description: string) =>
  z.object({
    search: search.optional().openapi({ description, example: "ada" }),
    is_active: flag().optional().openapi({
      description: "true: only active ones. false: only inactive ones. Absent: both.",
      example: true,
    }),
  });

/** The query of a list. `size` is the default size of a page. */
export const pageQueryOf = ({ pages, size }: { pages: number; size: number }) =>
  z.object({
    page: wholeNumber(1, pages, 1)
      .default(1)
      .openapi({ description: "The number of the page, from 1.", example: 1 }),
    page_size: wholeNumber(1, 100, size)
      .optional()
      .openapi({ description: "The number of entries per page.", example: size }),
    per_page: wholeNumber(1, 100)
      .optional()
      .openapi({ description: "The older name of `page_size`.", example: size, deprecated: true }),
  });

/** The page of a list and its filters. Null means no filter. */
export type Page = { page: number; page_size: number };
export type Filter = { search: string | null; is_active: boolean | null };

const size = 50;
export const pageQuery = pageQueryOf({ pages: 1_000_000, size });

/** The size of a page, by its new or its older name. @throws ApiError validation_failed when the two differ */
export function pageSizeOf(
  { page_size, per_page }: { page_size?: number | undefined; per_page?: number | undefined },
  fallback = size,
): number {
  if (page_size !== undefined && per_page !== undefined && page_size !== per_page) {
    throw invalidField(["query", "per_page"], "is given twice, by page_size and per_page");
  }
  return page_size ?? per_page ?? fallback;
}

/** An empty search means no search. */
export const toSearch = (text: string | undefined) => text || null;

type ListQuery = z.infer<ReturnType<typeof searchQuery>> & z.infer<typeof pageQuery>;

/** The page and the filters of a request for a list. @throws ApiError validation_failed for two sizes */
export const partOf = ({ search, is_active, page, ...sizes }: ListQuery): Page & Filter => ({
  search: toSearch(search),
  is_active: is_active ?? null,
  page,
  page_size: pageSizeOf(sizes),
});

/** The fields of a list beside its items. */
export const pageFields = {
  total: z.int().openapi({ description: "The number of entries on all pages.", example: 1 }),
  page: z.int().openapi({ description: "The number of this page.", example: 1 }),
  page_size: z.int().openapi({ description: "The maximum number of entries per page.", example: 50 }),
};

export const totalCountHeader = {
  "X-Total-Count": {
    description: "The number of entries on all pages.",
    required: true,
    schema: { type: "integer" as const, example: 1 },
  },
};
