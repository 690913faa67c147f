import { ApiError } from "../../../errors.ts";
import type { GenerationWatch } from "../answer/generation-watch.ts";
import type { GenerationRow, GenerationState } from "../store.ts";
import type { Progress } from "./progress.ts";

/** The position of a client: the last state that it received, and its position in the prediction's log. */
export type Position = { state: number; log: number };

export type StreamEvent =
  | { event: "status"; id: string; row: GenerationRow }
  | { event: "progress"; id: string; progress: Progress }
  | { event: "problem"; error: ApiError }
  | { event: "beat" };

type Followed = {
  row: GenerationRow;
  from: Position;
  watch: Pick<GenerationWatch, "next">;
  /** Reads the generation again with the caller's credentials. @throws ApiError when they are no longer valid */
  read: () => Promise<GenerationRow>;
  /** The time when an ended generation began to run. */
  processingAt: () => Promise<string | null>;
  progressOf: (predictionId: string) => Progress | null;
  /** Ends the stream after its time limit, or if the caller has disconnected. */
  signal: AbortSignal;
};

/** A comment is sent so often, since proxies close silent connections. The caller's credentials are checked as often. */
export const beatMs = 15_000;
const beginning: Position = { state: 0, log: 0 };

/** The order of states. Each is sent once, and never backwards. */
const rankOf = (status: GenerationRow["status"]) =>
  ({ pending: 1, processing: 2, completed: 3, failed: 3, canceled: 3 })[status];
const isFinal = ({ status }: Pick<GenerationRow, "status">) => rankOf(status) === 3;

/** Reads the id of an earlier event: `<state>` or `<state>.<position in the log>`. Any other text means the beginning. */
export function positionOf(lastEventId: string | undefined): Position {
  const [, state, log = "0"] = /^([1-3])(?:\.(\d{1,9}))?$/.exec(lastEventId ?? "") ?? [];
  return state === undefined ? beginning : { state: Number(state), log: Number(log) };
}

/** Whether a client at this position has received the end. */
export const hasHeardAll = (at: Position, row: GenerationRow) => isFinal(row) && at.state === 3;

/**
 * The events of a generation after a position: every state once and in order, as the status endpoint would have answered, and
 * progress between them. It ends with the final state, with a problem, or with the signal.
 */
export async function* generationEvents(followed: Followed): AsyncGenerator<StreamEvent> {
  const { watch, signal, progressOf } = followed;
  let { row } = followed;
  // The API never sent a position ahead of the generation.
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
      // An outage ends the stream without an event. The client reconnects, and gets an error if the outage continues.
      if (isRefusal(next)) yield { event: "problem", error: next };
      return;
    }
    row = next;
  }
}

/** The row at each state that the client has not received. Before its end it had no picture, no error and its charge. */
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
