import { ApiError, ConnectionError } from "./errors.ts";

const firstMs = 500;
const longestMs = 8_000;
/** A longer Retry-After is told to the caller instead of being waited for. */
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

/** HTTP dates are in GMT, also in the old form that does not say so. */
function parseDate(text: string): number | null {
  if (!/[a-z]/i.test(text)) return null;
  const at = Date.parse(/(GMT|UTC|Z|[+-]\d\d:?\d\d)\s*$/i.test(text) ? text : `${text} GMT`);
  return Number.isNaN(at) ? null : at;
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
    const stop = onAbort(signal, () => reject(signal.reason));
    promise.then(resolve, reject).finally(stop);
  });
}

const followers = new WeakMap<AbortSignal, Set<() => void>>();

/**
 * Runs `act` when the signal aborts, or at once. Returns a function that ends this. All calls that share a signal share one
 * listener: platforms warn of a leak at eleven.
 */
export function onAbort(signal: AbortSignal, act: () => void): () => void {
  if (signal.aborted) {
    act();
    return () => {};
  }
  let acts = followers.get(signal);
  if (acts === undefined) {
    const added = new Set<() => void>();
    signal.addEventListener("abort", () => added.forEach((each) => void each()), { once: true });
    followers.set(signal, added);
    acts = added;
  }
  const all = acts.add(act);
  return () => void all.delete(act);
}

/** setTimeout fires at once for more. */
const longestTimerMs = 2 ** 31 - 1;

/** Runs `act` after so many milliseconds, however many; never for Infinity. Returns a function that ends this. */
export function startTimer(ms: number, act: () => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const wait = (leftMs: number) => {
    const stepMs = Math.min(leftMs, longestTimerMs);
    timer = setTimeout(() => (leftMs > stepMs ? wait(leftMs - stepMs) : act()), stepMs);
  };
  if (ms !== Number.POSITIVE_INFINITY) wait(ms);
  return () => clearTimeout(timer);
}

/** @throws TypeError unless it is a time to wait, or Infinity for no limit */
export function assertTimeout(timeoutMs: number): void {
  if (typeof timeoutMs !== "number" || !(timeoutMs > 0))
    throw new TypeError("timeoutMs must be a number of milliseconds above 0, or Infinity for no limit.");
}

export function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  let stop = () => {};
  const slept = new Promise<void>((resolve) => {
    stop = startTimer(ms, resolve);
  });
  return untilAborted(slept, signal).finally(() => stop());
}
