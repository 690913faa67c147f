import type { FinishedGeneration, Generation } from "./finished-generation.ts";
import { isFinished, outOfTime } from "./follow-generation.ts";
import type { RequestOptions } from "./http.ts";
import { retryDelay } from "./retry-delay.ts";
import { sleep } from "./sleep.ts";
import { assertTimeout } from "./start-timer.ts";
import type { Schema } from "./wire.ts";

export type WaitOptions = Pick<RequestOptions, "signal" | "projectId"> & {
  /** In milliseconds, for the whole wait; Infinity for no limit. Default: ten minutes. */
  timeoutMs?: number;
  /** Called with the first status and after each change of it. */
  onStatus?: (generation: Generation) => void;
  /** Called when the model reports progress. It is not called without live events. */
  onProgress?: (progress: Schema<"GenerationProgress">) => void;
};

const longPollSeconds = 25;
const graceMs = 10_000;
const firstPauseMs = 250;
const longestPauseMs = 5_000;

/** Polls until the status is final. Each request waits on the server. Pauses grow only when the server answers early. */
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
      // Throws at once unless it is an outage that may end before the deadline.
      if (delay === null || Date.now() + delay >= deadline) throw error;
      await sleep(delay, signal);
      continue;
    }
    // After a long poll the next request follows at once.
    pauseMs = Date.now() - asked > 1000 ? firstPauseMs : Math.min(longestPauseMs, pauseMs * 1.5);
    const jittered = pauseMs * (0.5 + Math.random() / 2);
    await sleep(Math.min(jittered, Math.max(0, deadline - Date.now())), signal);
  }
}
