/** How a limit stands after this request was counted. `resets_in` is in seconds. */
export type RateLimit = { name: string; limit: number; remaining: number; resets_in: number };

/** What Postgres announces as `name|bucket|limit|seconds`: the limit that a request falls under, before it is counted. */
export type AnnouncedLimit = { name: string; bucket: string; limit: number; seconds: number };

export function parseAnnounced(text: string): AnnouncedLimit {
  const [name = "", bucket = "", limit, seconds] = text.split("|");
  return { name, bucket, limit: Number(limit), seconds: Number(seconds) };
}

const windows: Record<string, number> = { requests: 86_400, auth: 3_600, reads: 60, anonymous: 86_400 };

/** The headers of a limited answer: those that most APIs send, and those of the IETF's draft. */
export function limitHeaders(rate: RateLimit, now = Date.now()): Record<string, string> {
  const { name, limit, remaining, resets_in } = rate;
  return {
    "X-RateLimit-Limit": String(limit),
    "X-RateLimit-Remaining": String(remaining),
    "X-RateLimit-Reset": String(Math.ceil(now / 1000) + resets_in),
    RateLimit: `"${name}";r=${remaining};t=${resets_in}`,
    "RateLimit-Policy": `"${name}";q=${limit};w=${windows[name] ?? resets_in}`,
  };
}
