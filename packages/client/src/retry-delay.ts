import { ApiError, ConnectionError } from "./errors.ts";

const firstMs = 500;
const longestMs = 8_000;
/** With a longer Retry-After the client throws instead of waiting. */
const longestRetryAfterMs = 60_000;

/**
 * The milliseconds of a Retry-After header, in seconds or as a date; null when it is neither. `date` is the answer's own Date
 * header: this machine's clock may be wrong.
 */
export function parseRetryAfter(
  header: string | null,
  date: string | null = null,
  now = Date.now(),
): number | null {
  if (header === null) return null;
  if (/^\s*\d+(\.\d+)?\s*$/.test(header)) return Math.round(Number(header) * 1000);
  const at = parseDate(header);
  if (at === null) return null;
  return Math.max(0, at - ((date === null ? null : parseDate(date)) ?? now));
}

/** Parses an HTTP date, which is in GMT even in the old form without a zone. */
function parseDate(text: string): number | null {
  if (!/[a-z]/i.test(text)) return null;
  const at = Date.parse(/(GMT|UTC|Z|[+-]\d\d:?\d\d)\s*$/i.test(text) ? text : `${text} GMT`);
  return Number.isNaN(at) ? null : at;
}

/** The delay doubles with each attempt (0, 1, …) up to 8 s. Half of it is random, so that many clients do not retry together. */
export function backoffMs(attempt: number, random = Math.random()): number {
  return Math.round(Math.min(longestMs, firstMs * 2 ** attempt) * (0.5 + random / 2));
}

/** The delay before a request is repeated. Null when a repetition would not help. */
export function retryDelay(error: unknown, attempt: number, random = Math.random()): number | null {
  if (error instanceof ConnectionError) return backoffMs(attempt, random);
  if (!(error instanceof ApiError)) return null;
  const passing =
    error.status === 408 ||
    error.status === 429 ||
    error.status >= 500 ||
    error.code === "idempotency_key_in_use";
  if (!passing) return null;
  if (error.retryAfterMs === null) return backoffMs(attempt, random);
  return error.retryAfterMs <= longestRetryAfterMs ? error.retryAfterMs : null;
}
