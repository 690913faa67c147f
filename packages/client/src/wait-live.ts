import { ApiError, TimeoutError } from "./errors.ts";
import type { FinishedGeneration } from "./finished-generation.ts";
import { followGeneration, isFinished, type Open } from "./follow-generation.ts";
import { retryDelay } from "./retry-delay.ts";
import type { WaitOptions } from "./wait-until-finished.ts";

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
