import { ApiError } from "../../../errors.ts";
import type { GenerationWatch } from "../answer/generation-watch.ts";
import type { GenerationRow, GenerationState } from "../store.ts";
import type { Progress } from "./progress.ts";

/** Where a follower is: the last state that was told, and how far into the log of the prediction. */
export type Position = { state: number; log: number };

export type StreamEvent =
  | { event: "status"; id: string; row: GenerationRow }
  | { event: "progress"; id: string; progress: Progress }
  | { event: "problem"; error: ApiError }
  | { event: "beat" };

export type Followed = {
  row: GenerationRow;
  from: Position;
  watch: Pick<GenerationWatch, "next">;
  /** Asks again with the credentials of the caller. @throws ApiError when they no longer hold */
  read: () => Promise<GenerationRow>;
  /** When it began to run, of one that is over. */
  processingAt: () => Promise<string | null>;
  progressOf: (predictionId: string) => Progress | null;
  /** Ends the stream: the time is over, or the caller hung up. */
  signal: AbortSignal;
};

/** A comment keeps proxies from closing a silent connection; as often, the caller's credentials are checked again. */
export const beatMs = 15_000;
const beginning: Position = { state: 0, log: 0 };

/** States in their order: each is told once, and never backwards. */
const rankOf = (status: GenerationRow["status"]) =>
  ({ pending: 1, processing: 2, completed: 3, failed: 3, canceled: 3 })[status];
const isFinal = ({ status }: Pick<GenerationRow, "status">) => rankOf(status) === 3;

/** Reads an id of an earlier event, `<state>` or `<state>.<place in the log>`. Anything else begins anew. */
export function positionOf(lastEventId: string | undefined): Position {
  const [, state, log = "0"] = /^([1-3])(?:\.(\d{1,9}))?$/.exec(lastEventId ?? "") ?? [];
  return state === undefined ? beginning : { state: Number(state), log: Number(log) };
}

/** Whether a follower who is there has heard the end. */
export const hasHeardAll = (at: Position, row: GenerationRow) => isFinal(row) && at.state === 3;

/**
 * What happens to a generation after a position: every state once, in order, as the status endpoint would have told it, and
 * progress between them. Ends with the final state, with a problem, or with the signal.
 */
export async function* generationEvents(followed: Followed): AsyncGenerator<StreamEvent> {
  const { watch, signal, progressOf } = followed;
  let { row } = followed;
  // A position that lies ahead of the generation was never given out.
  let at = followed.from.state > rankOf(row.status) ? beginning : followed.from;
  let beatAt = Date.now() + beatMs;
  for (;;) {
    const isLate = isFinal(row) && at.state < 2;
    for (const state of statesSince(at.state, row, isLate ? await followed.processingAt() : null)) {
      at = { state: rankOf(state.status), log: 0 };
      yield { event: "status", id: String(at.state), row: state };
    }
    if (isFinal(row)) return;
    const seen = at;
    const newer = (state: GenerationState) => {
      const progress = state.prediction_id === null ? null : progressOf(state.prediction_id);
      return progress !== null && progress.position > seen.log ? progress : null;
    };
    const look = await watch.next({
      id: row.id,
      ms: beatAt - Date.now(),
      signal,
      isOver: (state) => state === undefined || rankOf(state.status) > seen.state || newer(state) !== null,
    });
    if (signal.aborted) return;
    const state = look?.state;
    if (state !== undefined && rankOf(state.status) === seen.state) {
      const progress = newer(state);
      if (progress !== null) {
        at = { ...seen, log: progress.position };
        yield { event: "progress", id: `${at.state}.${at.log}`, progress };
      }
      continue;
    }
    if (look === null) {
      beatAt = Date.now() + beatMs;
      yield { event: "beat" };
    }
    const next = await reread(followed);
    if (next instanceof ApiError) {
      // An outage ends the stream without a word: the client comes again, and is told then if it lasts.
      if (isRefusal(next)) yield { event: "problem", error: next };
      return;
    }
    row = next;
  }
}

/** The row as it was at each state that a follower has not heard of. Until it ended it had no picture, no error and its charge. */
function statesSince(seen: number, row: GenerationRow, processingAt: string | null): GenerationRow[] {
  const running = { ...row, outputs: [], error: null, error_code: null, charged: true, completed_at: null };
  const earlier: GenerationRow[] = [{ ...running, status: "pending", updated_at: row.created_at }];
  if (processingAt !== null) earlier.push({ ...running, status: "processing", updated_at: processingAt });
  const past = earlier.filter(({ status }) => rankOf(status) < rankOf(row.status));
  return [...past, row].filter(({ status }) => rankOf(status) > seen);
}

async function reread({ read }: Followed): Promise<GenerationRow | ApiError> {
  try {
    return await read();
  } catch (error) {
    return error instanceof ApiError ? error : new ApiError("internal_error", { cause: error });
  }
}

const isRefusal = ({ status }: ApiError) => status < 500 && status !== 429;
