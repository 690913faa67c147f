/** The state of a limit after this request was counted. `window` and `resets_in` are in seconds. */
export type RateLimit = { name: string; limit: number; remaining: number; window: number; resets_in: number };

/** The limit of a request before it is counted. `window` is in seconds. */
export type AnnouncedLimit = Pick<RateLimit, "name" | "limit" | "window"> & { bucket: string };

/** Parses what Postgres announces: `name|bucket|limit|seconds`, or the JSON state of a limit that it has counted. */
export function parseAnnounced(text: string): AnnouncedLimit | RateLimit {
  if (text.startsWith("{")) return JSON.parse(text) as RateLimit;
  const [name = "", bucket = "", limit, window] = text.split("|");
  return { name, bucket, limit: Number(limit), window: Number(window) };
}

/** The headers of a limited answer: the usual X-RateLimit ones and those of the IETF's draft. */
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
