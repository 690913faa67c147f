import { ApiError, TimeoutError } from "./errors.ts";
import { EventParser, type ServerEvent } from "./event-parser.ts";
import type { FinishedGeneration, Generation } from "./finished-generation.ts";
import type { RequestOptions } from "./http.ts";
import { retryDelay } from "./retry-delay.ts";
import { sleep } from "./sleep.ts";
import { assertTimeout } from "./start-timer.ts";
import { textOf } from "./text-of.ts";
import type { Schema } from "./wire.ts";

/** A live event of a generation. Pass its `id` as `lastEventId` to continue after it. */
export type GenerationEvent =
  | { type: "status"; id: string; generation: Generation }
  | ({ type: "progress"; id: string } & Schema<"GenerationProgress">);

export type StreamOptions = Pick<RequestOptions, "signal" | "projectId"> & {
  /** The `id` of the last event that you received. The stream continues after it. */
  lastEventId?: string | undefined;
  /** In milliseconds, for the whole stream; Infinity for no limit. Default: ten minutes. */
  timeoutMs?: number | undefined;
};

/** Opens one connection. */
export type Open = (lastEventId: string | undefined, options: RequestOptions) => Promise<Response>;

/** The server sends a comment every fifteen seconds. */
const longestSilenceMs = 45_000;
const openWithinMs = 30_000;
const defaultRetryMs = 1_000;
const longestRetryMs = 30_000;

/**
 * Every state of a generation once and in order, and its progress. It ends after the final state. A connection that
 * ends or breaks is reopened after the last event. With `firstWithinMs` it throws when the first event is late.
 */
export async function* followGeneration(
  open: Open,
  { signal, projectId, lastEventId, timeoutMs = 600_000 }: StreamOptions,
  firstWithinMs = Number.POSITIVE_INFINITY,
): AsyncGenerator<GenerationEvent, void, undefined> {
  assertTimeout(timeoutMs);
  const deadline = Date.now() + timeoutMs;
  const leftMs = () => deadline - Date.now();
  let lastId = lastEventId;
  let seen: Generation | undefined;
  let hasEvents = false;
  for (let failures = 0; ; ) {
    if (leftMs() <= 0) throw outOfTime(timeoutMs, seen);
    let isOpen = false;
    const parser = new EventParser(lastId);
    const patience = () =>
      Math.max(1, Math.min(hasEvents ? longestSilenceMs : firstWithinMs, longestSilenceMs, leftMs()));
    try {
      const openMs = Math.max(1, Math.min(openWithinMs, hasEvents ? openWithinMs : firstWithinMs, leftMs()));
      const response = await open(lastId, { signal, projectId, timeoutMs: openMs, maxRetries: 0 });
      isOpen = true;
      // There are no more events.
      if (response.body === null || response.status === 204) return;
      for await (const text of textOf(response.body, patience, signal)) {
        for (const sent of parser.push(text)) {
          const event = toEvent(sent);
          if (event === undefined) continue;
          hasEvents = true;
          failures = 0;
          lastId = event.id;
          if (event.type === "status") seen = event.generation;
          yield event;
          if (event.type === "status" && isFinished(event.generation)) return;
        }
      }
      await sleep(Math.max(1, Math.min(parser.retryMs ?? defaultRetryMs, longestRetryMs, leftMs())), signal);
    } catch (error) {
      signal?.throwIfAborted();
      if (!hasEvents && firstWithinMs !== Number.POSITIVE_INFINITY) throw error;
      // The next connection shows whether the session can be refreshed.
      const mayBeRenewed = isOpen && error instanceof ApiError && error.code === "invalid_token";
      const delay = mayBeRenewed ? defaultRetryMs : retryDelay(error, failures++);
      if (delay === null) throw error;
      if (delay >= leftMs()) throw error instanceof TimeoutError ? outOfTime(timeoutMs, seen) : error;
      await sleep(delay, signal);
    }
  }
}

/** @throws ApiError the error with which the server ends a stream */
function toEvent({ event, data, id }: ServerEvent): GenerationEvent | undefined {
  if (event === "status") return { type: event, id, generation: JSON.parse(data) as Generation };
  if (event === "progress") return { type: event, id, ...(JSON.parse(data) as Schema<"GenerationProgress">) };
  if (event !== "problem") return undefined;
  const { request_id: requestId, ...problem } = JSON.parse(data) as Schema<"GenerationProblem">;
  throw new ApiError({ ...problem, requestId });
}

export function isFinished(generation: Generation): generation is FinishedGeneration {
  return generation.status !== "pending" && generation.status !== "processing";
}

export function outOfTime(timeoutMs: number, seen: Generation | undefined): TimeoutError {
  const state = seen === undefined ? "" : ` Generation ${seen.id} is ${seen.status}.`;
  return new TimeoutError(
    `The generation was not finished within ${timeoutMs} ms.${state} It continues: call generations.wait again.`,
  );
}
