import type { FinishedGeneration } from "./finished-generation.ts";
import type { Open } from "./follow-generation.ts";
import type { Http } from "./http.ts";
import { type Streams, waitLive } from "./wait-live.ts";
import { type WaitOptions, waitUntilFinished } from "./wait-until-finished.ts";

const one = "/api/v1/generation/{generation_id}";
const anonymous = "/api/v1/generation/anonymous-generations-v2/{generation_id}";

/** A generation with or without an account. */
type Target = { generationId: string; isAnonymous: boolean };

/** Opens the live events of a generation. */
export function opener(http: Http, { generationId, isAnonymous }: Target): Open {
  const path = isAnonymous ? (`${anonymous}/events` as const) : (`${one}/events` as const);
  const sends = isAnonymous ? "nothing" : "all";
  return (lastEventId, request) =>
    http.open(path, { params: { generation_id: generationId }, sends, lastEventId }, request);
}

/** Waits by live events, else by polling. */
export async function waitForGeneration(
  http: Http,
  streams: Streams,
  target: Target,
  { timeoutMs = 600_000, ...options }: WaitOptions,
): Promise<FinishedGeneration> {
  const startedAt = Date.now();
  const finished = await waitLive(opener(http, target), { ...options, timeoutMs }, streams);
  if (finished !== null) return finished;
  const path = target.isAnonymous ? (`${anonymous}/status` as const) : (`${one}/status` as const);
  const sends = target.isAnonymous ? "nothing" : "all";
  const init = { params: { generation_id: target.generationId }, sends } as const;
  const leftMs = Math.max(1, timeoutMs - (Date.now() - startedAt));
  return waitUntilFinished(
    (wait, request) => http.request("get", path, { ...init, query: { wait } }, request),
    { ...options, timeoutMs: leftMs },
  );
}
