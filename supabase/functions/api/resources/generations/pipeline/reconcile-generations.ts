import { CopyError } from "../../../clients/fetch-file.ts";
import type { Deps } from "../../../context.ts";
import { ApiError } from "../../../errors.ts";
import { inBatches } from "../../../in-batches.ts";
import type { JobResult } from "../../../job-result.ts";
import { claimDueGenerations, failGeneration, recordSubmission, type Work } from "../store.ts";
import { type FailureCode, failures } from "./failures.ts";
import { finishGeneration } from "./finish-generation.ts";
import { submitGeneration } from "./submit-generation.ts";

const batchSize = 20;
const atOnce = 5;
/** The longest time that a prediction may run or a generation may wait for acceptance. */
const giveUpMs = 60 * 60_000;
/** Replicate lists a new prediction at once, so it never accepted a request that is missing after this time. */
const unclearGiveUpMs = 15 * 60_000;
const clockSkewMs = 60_000;
/** A prediction runs for 30 minutes at most, and Replicate deletes its result an hour later. */
const nothingLeftMs = 100 * 60_000;

/** Advances every overdue generation by one step. Each row is claimed for a minute. */
export function reconcileGenerations(deps: Deps): Promise<JobResult> {
  const advanceAll = async (due: Work[]) => {
    let failed = 0;
    const waiting = [...due];
    await Promise.all(
      Array.from({ length: atOnce }, async () => {
        for (let work = waiting.shift(); work !== undefined; work = waiting.shift()) {
          const { id } = work;
          await reconcileOne(deps, work).catch((cause) => {
            failed++;
            deps.log("error", "a generation could not be reconciled", { generation_id: id, cause });
          });
        }
      }),
    );
    return failed;
  };
  return inBatches(() => claimDueGenerations(deps.database, batchSize), advanceAll, batchSize);
}

/** A generation ends even if every attempt fails, at the latest when nothing is left at Replicate. */
async function reconcileOne(deps: Deps, work: Work): Promise<void> {
  const age = Date.now() - Date.parse(work.submitted_at ?? work.created_at);
  const end = (code: FailureCode) =>
    failGeneration(deps.database, work.id, { code, error: failures[code], status: "failed" });
  try {
    await advance(deps, work, age, end);
  } catch (error) {
    const code = lastCode(work, error, age);
    if (code === null) throw error;
    deps.log("error", "a generation is given up", { generation_id: work.id, code, cause: error });
    await end(code);
  }
}

/** The code of a generation that cannot continue; null while it can. A fault of our database never ends a generation. */
export function lastCode(
  { prediction_id }: Pick<Work, "prediction_id">,
  error: unknown,
  ageMs: number,
): FailureCode | null {
  if (error instanceof CopyError && error.fault === "too_large") return "output_invalid";
  if (error instanceof ApiError && error.code === "database_unavailable") return null;
  if (ageMs < nothingLeftMs) return null;
  return prediction_id === null ? "submission_unclear" : "provider_unavailable";
}

async function advance(
  deps: Deps,
  work: Work,
  age: number,
  end: (code: FailureCode) => Promise<unknown>,
): Promise<void> {
  const { replicate } = deps;
  if (work.submission === "waiting") {
    if (age > giveUpMs) await end("provider_unavailable");
    else if (replicate.configured) await submitGeneration(deps, work.id);
    return;
  }
  if (!replicate.configured) throw new ApiError("generation_unavailable");
  if (work.prediction_id === null) return resolveUnclear(deps, work, age, end);
  const prediction = await replicate.get(work.prediction_id);
  if (prediction === null) {
    await end("prediction_lost");
  } else if (!(await finishGeneration(deps, work.id, prediction)) && age > giveUpMs) {
    // The answer of the cancel decides, since the prediction may have succeeded a moment before.
    const last = await replicate.cancel(work.prediction_id);
    if (last?.status === "succeeded") await finishGeneration(deps, work.id, last);
    else await end("timed_out");
  }
}

/** Searches Replicate's list for a request with an unclear outcome. The request is never sent again. */
async function resolveUnclear(
  deps: Deps,
  work: Work,
  age: number,
  end: (code: FailureCode) => Promise<unknown>,
): Promise<void> {
  const since = new Date(Date.parse(work.submitted_at ?? work.created_at) - clockSkewMs);
  const { prediction, complete } = await deps.replicate.find(work.id, since);
  if (prediction !== null) {
    await recordSubmission(deps.database, work.id, prediction.id);
    await finishGeneration(deps, work.id, prediction);
  } else if (age > giveUpMs || (complete && age > unclearGiveUpMs)) {
    await end("submission_unclear");
  }
}
