import { ApiError, TimeoutError } from "./errors.ts";
import type { FinishedGeneration, Generation } from "./finished-generation.ts";
import type { RequestOptions } from "./http.ts";
import { assertTimeout, retryDelay, sleep } from "./retry.ts";
import { followGeneration, isFinished, type Open, outOfTime } from "./stream.ts";
import type { Schema } from "./wire.ts";

export type WaitOptions = Pick<RequestOptions, "signal" | "projectId"> & {
  /** For the whole wait; Infinity for no limit. Default: ten minutes. */
  timeoutMs?: number;
  /** Called with the first state and then whenever the status has changed. */
  onStatus?: (generation: Generation) => void;
  /** Called whenever the model tells how far it is. Not where the server or a proxy gives no live events. */
  onProgress?: (progress: Schema<"GenerationProgress">) => void;
};

const longPollSeconds = 25;
const graceMs = 10_000;
const firstPauseMs = 250;
const longestPauseMs = 5_000;

/** A server answers with the first event at once; a proxy that gathers answers would keep it until the stream ends. */
const firstWithinMs = 5_000;

/** Whether live events are worth another try, after they did not come: not when nobody here knows of them. */
export type Streams = { areMissing: boolean; silences: number; open: number };
/** Browsers open six connections to a server that speaks HTTP/1.1, for everything. */
const maxStreams = 4;
/** So many waits in a row without a first event, and nothing passes the events on. */
const maxSilences = 2;

/**
 * The generation once it is final, by its live events. Null where they do not come: an older server, a proxy that holds them
 * back, too many streams. Once they came, only what ends a wait in any case ends it.
 */
export async function waitLive(
  open: Open,
  { onStatus, onProgress, ...options }: WaitOptions,
  streams: Streams,
  withinMs = firstWithinMs,
): Promise<FinishedGeneration | null> {
  if (streams.areMissing || streams.open >= maxStreams) return null;
  let hasEvents = false;
  streams.open++;
  try {
    for await (const event of followGeneration(open, options, withinMs)) {
      hasEvents = true;
      streams.silences = 0;
      if (event.type === "progress") {
        onProgress?.({ percent: event.percent, log: event.log });
        continue;
      }
      onStatus?.(event.generation);
      if (isFinished(event.generation)) return event.generation;
    }
  } catch (error) {
    options.signal?.throwIfAborted();
    if (hasEvents || !isWithoutStream(error)) throw error;
    if (error instanceof TimeoutError) streams.silences++;
    streams.areMissing = streams.silences >= maxSilences || isUnknown(error);
  } finally {
    streams.open--;
  }
  return null;
}

const codesOfUnknown = ["not_found", "method_not_allowed", "unexpected_answer"];
/** Whether the server knows no such stream. */
const isUnknown = (error: unknown) =>
  error instanceof ApiError && error.status < 500 && codesOfUnknown.includes(error.code);
/** Whether asking for the status may do what the stream did not. */
const isWithoutStream = (error: unknown) =>
  isUnknown(error) || retryDelay(error, 0) !== null || isTooMany(error);
const isTooMany = (error: unknown) => error instanceof ApiError && error.status === 429;

/** Asks until the status is final: each question waits on the server, and pauses grow only when it answers early. */
export async function waitUntilFinished(
  ask: (wait: number, options: RequestOptions) => Promise<Generation>,
  { signal, projectId, timeoutMs = 600_000, onStatus }: WaitOptions,
): Promise<FinishedGeneration> {
  assertTimeout(timeoutMs);
  const deadline = Date.now() + timeoutMs;
  let seen: Generation | undefined;
  let pauseMs = firstPauseMs;
  for (let failures = 0; ; ) {
    const leftMs = deadline - Date.now();
    if (leftMs <= 0) throw outOfTime(timeoutMs, seen);
    const asked = Date.now();
    const wait = Math.min(longPollSeconds, Math.floor(leftMs / 1000));
    try {
      const generation = await ask(wait, {
        signal,
        projectId,
        timeoutMs: wait * 1000 + graceMs,
        maxRetries: 0,
      });
      failures = 0;
      if (generation.status !== seen?.status) onStatus?.(generation);
      seen = generation;
      if (isFinished(generation)) return generation;
    } catch (error) {
      signal?.throwIfAborted();
      const delay = retryDelay(error, failures++);
      // Told at once when it is no outage, or when the wait would be over before the server asks us back.
      if (delay === null || Date.now() + delay >= deadline) throw error;
      await sleep(delay, signal);
      continue;
    }
    // A server that waits for us is asked again at once.
    pauseMs = Date.now() - asked > 1000 ? firstPauseMs : Math.min(longestPauseMs, pauseMs * 1.5);
    const jittered = pauseMs * (0.5 + Math.random() / 2);
    await sleep(Math.min(jittered, Math.max(0, deadline - Date.now())), signal);
  }
}
