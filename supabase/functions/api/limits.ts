/** How a limit stands after this request was counted. `window` and `resets_in` are in seconds. */
export type RateLimit = { name: string; limit: number; remaining: number; window: number; resets_in: number };

/** The limit that a request falls under, before it is counted; `window` is in seconds. */
export type AnnouncedLimit = Pick<RateLimit, "name" | "limit" | "window"> & { bucket: string };

/** What Postgres says of a limit: `name|bucket|limit|seconds`, and after counting `|used|seconds until it begins anew`. */
export function parseLimit(text: string): AnnouncedLimit | RateLimit {
  const [name = "", bucket = "", ...numbers] = text.split("|");
  const [limit = 0, window = 0, used, resets_in = 0] = numbers.map(Number);
  if (used === undefined) return { name, bucket, limit, window };
  return { name, limit, remaining: Math.max(0, limit - used), window, resets_in };
}

/** Of a limit that is counted. */
export const parseRateLimit = (text: string) => parseLimit(text) as RateLimit;

/** The headers of a limited answer: those that most APIs send, and those of the IETF's draft. */
export function limitHeaders(rate: RateLimit, now = Date.now()): [string, string][] {
  const { name, limit, remaining, window, resets_in } = rate;
  return [
    ["X-RateLimit-Limit", String(limit)],
    ["X-RateLimit-Remaining", String(remaining)],
    ["X-RateLimit-Reset", String(Math.floor(now / 1000) + resets_in)],
    ["RateLimit", `"${name}";r=${remaining};t=${resets_in}`],
    ["RateLimit-Policy", `"${name}";q=${limit};w=${window}`],
  ];
}
