import { ApiError, ConnectionError } from "./errors.ts";

const firstMs = 500;
const longestMs = 8_000;
/** A longer Retry-After is told to the caller instead of being waited for. */
const longestRetryAfterMs = 60_000;

/** The milliseconds of a Retry-After header, in seconds or as a date; null when it is neither. */
export function parseRetryAfter(header: string | null, now = Date.now()): number | null {
  if (header === null) return null;
  if (/^\s*\d+(\.\d+)?\s*$/.test(header)) return Math.round(Number(header) * 1000);
  const at = /[a-z]/i.test(header) ? Date.parse(header) : Number.NaN;
  return Number.isNaN(at) ? null : Math.max(0, at - now);
}

/** Doubles with each attempt (0, 1, …) up to 8 s; a random half of it keeps many clients apart. */
export function backoffMs(attempt: number, random = Math.random()): number {
  return Math.round(Math.min(longestMs, firstMs * 2 ** attempt) * (0.5 + random / 2));
}

/** How long to wait before a request that may be repeated is sent again; null when that would not help. */
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

/** Settles with the promise, or rejects with the signal's reason the moment it aborts. */
export function untilAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

export function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const slept = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  return untilAborted(slept, signal).finally(() => clearTimeout(timer));
}
