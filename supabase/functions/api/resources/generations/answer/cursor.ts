import type { z } from "@hono/zod-openapi";
import { invalidField } from "../../../errors.ts";
import { pageSizeOf } from "../../../fields/page-query.ts";
import { predicates } from "../../../predicates.ts";
import { isUuid } from "../../../uuid.ts";
import { defaultPageSize, type pageQuery } from "../schemas.ts";
import type { GenerationRow, Page, PageRequest, Position } from "../store.ts";

/** Encodes a position in a list: after this generation. It contains the list's length, so that the list is counted once. */
export function encodeCursor({ created_at, id }: Position, total: number): string {
  return btoa(`${created_at}|${id}|${total}`).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

const places =
  /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|\+00:00))\|([0-9a-f-]{36})(?:\|(\d{1,12}))?$/;

/** @throws ApiError validation_failed unless encodeCursor made the cursor */
export function decodeCursor(cursor: string): Position & { total: number | null } {
  let text = "";
  try {
    text = atob(cursor.replaceAll("-", "+").replaceAll("_", "/"));
  } catch {}
  const [, created_at = "", id = "", total] = places.exec(text) ?? [];
  if (!isMoment(created_at) || !isUuid(id)) throw invalidField(["query", "cursor"], predicates.cursor);
  return { created_at, id, total: total === undefined ? null : Number(total) };
}

/** Date.parse accepts February 30 and the year 0, which Postgres refuses. */
function isMoment(text: string): boolean {
  const time = Date.parse(text);
  if (Number.isNaN(time) || text.startsWith("0000")) return false;
  return new Date(time).toISOString().slice(0, 19) === text.slice(0, 19);
}

/** @throws ApiError validation_failed for an invalid cursor, or for two different sizes */
export function pageRequest({ page, cursor, ...sizes }: z.infer<typeof pageQuery>): PageRequest {
  const page_size = pageSizeOf(sizes, defaultPageSize);
  return { page, page_size, after: cursor === undefined ? null : decodeCursor(cursor) };
}

/** The store gives one extra row when there is a next page. */
export function presentPage<T>(
  { total, generations }: Page,
  { page, page_size }: PageRequest,
  present: (row: GenerationRow) => T,
) {
  const shown = generations.slice(0, page_size);
  const last = shown.at(-1);
  const next_cursor = generations.length > page_size && last !== undefined ? encodeCursor(last, total) : null;
  return { generations: shown.map(present), total, page, page_size, per_page: page_size, next_cursor };
}
