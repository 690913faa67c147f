import { ApiError, TimeoutError } from "./errors.ts";
import type { FinishedGeneration } from "./finished-generation.ts";
import { followGeneration, isFinished, type Open } from "./follow-generation.ts";
import { retryDelay } from "./retry-delay.ts";
import type { WaitOptions } from "./wait-until-finished.ts";

/** A server sends the first event at once. A buffering proxy would hold it until the stream ends. */
const firstWithinMs = 5_000;

/** What the client knows about live events. They are not tried again when the server does not have them. */
export type Streams = { areMissing: boolean; silences: number; open: number };
/** Browsers open at most six connections to an HTTP/1.1 server. */
const maxStreams = 4;
/** After so many waits without a first event, a proxy holds events back. */
const maxSilences = 2;

/**
 * Waits for the final generation by its live events. Null when there are none: an older server, a proxy that holds them back, or too
 * many streams. After the first event it ends only like any wait.
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
/** Whether the server has no live events. */
const isUnknown = (error: unknown) =>
  error instanceof ApiError && error.status < 500 && codesOfUnknown.includes(error.code);
/** Whether polling the status may work although the stream failed. */
const isWithoutStream = (error: unknown) =>
  isUnknown(error) || retryDelay(error, 0) !== null || isTooMany(error);
const isTooMany = (error: unknown) => error instanceof ApiError && error.status === 429;
