import type { z } from "@hono/zod-openapi";
import { invalidField } from "../../../errors.ts";
import { pageSizeOf } from "../../../fields/page-query.ts";
import { predicates } from "../../../predicates.ts";
import { isUuid } from "../../../uuid.ts";
import { defaultPageSize, type pageQuery } from "../schemas.ts";
import type { GenerationRow, Page, PageRequest, Position } from "../store.ts";

/** An opaque place in a list: behind the generation that it names. The list's length goes along, so that it is counted once. */
export function encodeCursor({ created_at, id }: Position, total: number): string {
  return btoa(`${created_at}|${id}|${total}`).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

const places =
  /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|\+00:00))\|([0-9a-f-]{36})(?:\|(\d{1,12}))?$/;

/** @throws ApiError validation_failed for anything that encodeCursor did not make. */
export function decodeCursor(cursor: string): Position & { total: number | null } {
  let text = "";
  try {
    text = atob(cursor.replaceAll("-", "+").replaceAll("_", "/"));
  } catch {}
  const [, created_at = "", id = "", total] = places.exec(text) ?? [];
  if (!isMoment(created_at) || !isUuid(id)) throw invalidField(["query", "cursor"], predicates.cursor);
  return { created_at, id, total: total === undefined ? null : Number(total) };
}

/** Date.parse takes a 30th of February and a year 0, which Postgres refuses. */
function isMoment(text: string): boolean {
  const time = Date.parse(text);
  if (Number.isNaN(time) || text.startsWith("0000")) return false;
  return new Date(time).toISOString().slice(0, 19) === text.slice(0, 19);
}

/** @throws ApiError validation_failed for a cursor that is none, or for two sizes */
export function pageRequest({ page, cursor, ...sizes }: z.infer<typeof pageQuery>): PageRequest {
  const page_size = pageSizeOf(sizes, defaultPageSize);
  return { page, page_size, after: cursor === undefined ? null : decodeCursor(cursor) };
}

/** The store gives one row more than asked for when there is a next page. */
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
