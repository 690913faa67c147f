import { z } from "@hono/zod-openapi";

const maxKeys = 20;
const maxKeyLength = 64;

/**
 * An object that accepts no other field, for requests where a mistyped field costs money or security. The error suggests the
 * field that was probably meant.
 */
export function strictObject<Shape extends z.ZodRawShape>(shape: Shape) {
  const known = Object.keys(shape);
  return z.strictObject(shape, {
    error: ({ code, keys }) =>
      code === "unrecognized_keys"
        ? (keys ?? [])
            .slice(0, maxKeys)
            .map((key) => unknownField(key, known))
            .join("\n")
        : undefined,
  });
}

/** The sentence about an unknown field. */
export function unknownField(key: string, known: readonly string[]): string {
  const name = key.slice(0, maxKeyLength);
  const meant = closest(name, known);
  const hint = meant === undefined ? "" : ` Did you mean "${meant}"?`;
  return `${JSON.stringify(name)} is no field of this request.${hint}`;
}

const plain = (name: string) => name.toLowerCase().replace(/[^a-z0-9]/g, "");

/** The most similar known name. It differs in case and dashes, in its ending, or in a few letters. */
export function closest(name: string, known: readonly string[]): string | undefined {
  const wanted = plain(name);
  if (wanted === "") return undefined;
  const ranked = known
    .map((one) => ({ one, distance: distanceOf(wanted, plain(one)) }))
    .filter(({ one, distance }) => distance <= Math.floor(plain(one).length / 3))
    .sort((a, b) => a.distance - b.distance);
  return ranked[0]?.one ?? known.find((one) => wanted.length >= 3 && plain(one).startsWith(wanted));
}

/** The number of letters to insert, remove, replace or swap with a neighbor. */
function distanceOf(a: string, b: string): number {
  const rows = [Array.from({ length: b.length + 1 }, (_, at) => at)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1];
      row[j] = Math.min(
        (rows[i - 1]?.[j] ?? 0) + 1,
        (row[j - 1] ?? 0) + 1,
        (rows[i - 1]?.[j - 1] ?? 0) + (isSame ? 0 : 1),
      );
      const isSwapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (isSwapped) row[j] = Math.min(row[j] ?? 0, (rows[i - 2]?.[j - 2] ?? 0) + 1);
    }
    rows.push(row);
  }
  return rows[a.length]?.[b.length] ?? 0;
}
