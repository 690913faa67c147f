/** How a limit stands after this request was counted. `window` and `resets_in` are in seconds. */
export type RateLimit = { name: string; limit: number; remaining: number; window: number; resets_in: number };

/** The limit that a request falls under, before it is counted; `window` is in seconds. */
export type AnnouncedLimit = Pick<RateLimit, "name" | "limit" | "window"> & { bucket: string };

/** What Postgres announces: `name|bucket|limit|seconds`, or how a limit stands that it has counted itself, as JSON. */
export function parseAnnounced(text: string): AnnouncedLimit | RateLimit {
  if (text.startsWith("{")) return JSON.parse(text) as RateLimit;
  const [name = "", bucket = "", limit, window] = text.split("|");
  return { name, bucket, limit: Number(limit), window: Number(window) };
}

/** The headers of a limited answer: those that most APIs send, and those of the IETF's draft. */
export function limitHeaders(rate: RateLimit, now = Date.now()): Record<string, string> {
  const { name, limit, remaining, window, resets_in } = rate;
  return {
    "X-RateLimit-Limit": String(limit),
    "X-RateLimit-Remaining": String(remaining),
    "X-RateLimit-Reset": String(Math.floor(now / 1000) + resets_in),
    RateLimit: `"${name}";r=${remaining};t=${resets_in}`,
    "RateLimit-Policy": `"${name}";q=${limit};w=${window}`,
  };
}
