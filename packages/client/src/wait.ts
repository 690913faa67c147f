import { TimeoutError } from "./errors.ts";
import type { RequestOptions } from "./http.ts";
import { retryDelay, sleep } from "./retry.ts";

type Unfinished = "pending" | "processing";
export type Finished<G extends { status: string }> = G & { status: Exclude<G["status"], Unfinished> };

export type WaitOptions = Pick<RequestOptions, "signal" | "projectId"> & {
  /** For the whole wait. Default: ten minutes. */
  timeoutMs?: number;
  /** Called with the first state and then whenever the status has changed. */
  // biome-ignore lint/suspicious/noExplicitAny: narrowed by the caller
  onStatus?: (generation: any) => void;
};

const longPollSeconds = 25;
const graceMs = 10_000;
const firstPauseMs = 250;
const longestPauseMs = 5_000;

/** Asks until the status is final: each question waits on the server, and pauses grow only when it answers early. */
export async function waitUntilFinished<G extends { id: string; status: string }>(
  ask: (wait: number, options: RequestOptions) => Promise<G>,
  { signal, projectId, timeoutMs = 600_000, onStatus }: WaitOptions,
): Promise<Finished<G>> {
  const deadline = Date.now() + timeoutMs;
  let seen: G | undefined;
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

function isFinished<G extends { status: string }>(generation: G): generation is Finished<G> {
  return generation.status !== "pending" && generation.status !== "processing";
}

function outOfTime(timeoutMs: number, seen: { id: string; status: string } | undefined): TimeoutError {
  const state = seen === undefined ? "" : ` Generation ${seen.id} is ${seen.status}.`;
  return new TimeoutError(
    `The generation was not finished within ${timeoutMs} ms.${state} It goes on: call generations.wait again.`,
  );
}
