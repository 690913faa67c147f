import type { Generation } from "./finished-generation.ts";
import { List } from "./list.ts";
import type { Schema } from "./wire.ts";

type CursorQuery = { page?: number; cursor?: string };
type CursorPage = Schema<"GenerationList">;

/** A list by cursors, which skip and repeat nothing while new items arrive. */
export function listByCursor<Q extends CursorQuery>(
  query: Q,
  load: (query: Q) => Promise<CursorPage>,
): List<Generation> {
  return List.of<Generation, CursorQuery>({}, async (place) => {
    const { generations, total, next_cursor } = await load({ ...query, ...place });
    return { items: generations, total, next: next_cursor === null ? null : { cursor: next_cursor } };
  });
}
