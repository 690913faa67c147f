import type { Deps } from "../../context.ts";
import { type FailureCode, failures } from "./failures.ts";
import { finishGeneration } from "./finish-generation.ts";
import { claimDueGenerations, failGeneration, type Work } from "./store.ts";
import { submitGeneration } from "./submit-generation.ts";

const batchSize = 20;
const maxBatches = 10;
const giveUpMs = 60 * 60_000;

/** Finishes what webhooks and background work left behind. Safe to run twice at once: each row is claimed for a minute. */
export async function reconcileGenerations(deps: Deps): Promise<{ checked: number; failed: number }> {
  let checked = 0;
  let failed = 0;
  for (let batch = 0; batch < maxBatches; batch++) {
    const due = await claimDueGenerations(deps.database, batchSize);
    const results = await Promise.allSettled(due.map((work) => reconcileOne(deps, work)));
    for (const result of results) {
      if (result.status === "rejected") {
        failed++;
        deps.log("error", "a generation could not be reconciled", { cause: result.reason });
      }
    }
    checked += due.length;
    if (due.length < batchSize) break;
  }
  return { checked, failed };
}

async function reconcileOne(deps: Deps, work: Work): Promise<void> {
  const { database, replicate } = deps;
  const end = (code: FailureCode) => failGeneration(database, work.id, code, failures[code], "failed");
  const isOld = Date.now() - Date.parse(work.submitted_at ?? work.created_at) > giveUpMs;
  if (work.submission === "waiting") {
    if (isOld) await end("provider_unavailable");
    else await submitGeneration(deps, work.id);
    return;
  }
  if (work.prediction_id === null) {
    if (isOld) await end("submission_unclear");
    return;
  }
  const prediction = await replicate.get(work.prediction_id);
  if (prediction === null) {
    await end("prediction_lost");
  } else if (!(await finishGeneration(deps, work.id, prediction)) && isOld) {
    await replicate.cancel(work.prediction_id);
    await end("timed_out");
  }
}
