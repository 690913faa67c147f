import type { Prediction } from "../../../clients/replicate.ts";
import type { StoredFile } from "../../../clients/storage.ts";
import type { Deps } from "../../../context.ts";
import { completeGeneration, failGeneration, getGenerationWork, type Work } from "../store.ts";
import { type Failure, failureOf, failures, isBlocked, lastLines } from "./failures.ts";
import { findOutputs } from "./find-outputs.ts";
import { PassingFault, storeOutput } from "./store-output.ts";

/** Replicate deletes a result an hour after the prediction's end, so copying stops before. */
const copyWithinMs = 50 * 60_000;

/**
 * Ends a generation like its prediction, which was read from Replicate itself. It may run several times at once: files have fixed
 * paths, and the database accepts only the first end.
 * @returns whether the prediction has ended. Throws when a result could not be copied yet; the reconciler tries again.
 */
export async function finishGeneration(deps: Deps, id: string, prediction: Prediction): Promise<boolean> {
  const { database, log } = deps;
  if (prediction.status === "succeeded") {
    const work = await getGenerationWork(database, id);
    if (work === null || (work.status !== "pending" && work.status !== "processing")) return true;
    await storeOutputs(deps, work, prediction);
    return true;
  }
  if (prediction.status === "failed" || prediction.status === "aborted") {
    log("warn", `a prediction ${prediction.status}`, {
      generation_id: id,
      prediction_id: prediction.id,
      reason: String(prediction.error).slice(0, 500),
    });
    const code = prediction.status === "aborted" ? "provider_aborted" : failureOf(prediction);
    await end(deps, id, { code }, prediction);
    return true;
  }
  if (prediction.status === "canceled") {
    await failGeneration(database, id, {
      code: "canceled",
      error: failures.canceled,
      status: "canceled",
      predict_seconds: secondsOf(prediction),
    });
    return true;
  }
  return false;
}

/** The seconds that Replicate bills, also for a failed prediction. */
function secondsOf({ metrics }: Prediction): number | null {
  const seconds: unknown = metrics?.predict_time;
  return typeof seconds === "number" && Number.isFinite(seconds) && seconds >= 0 ? seconds : null;
}

async function end(deps: Deps, id: string, failure: Failure, prediction: Prediction): Promise<void> {
  await failGeneration(deps.database, id, {
    code: failure.code,
    error: failure.error ?? failures[failure.code],
    status: "failed",
    predict_seconds: secondsOf(prediction),
  });
}

async function storeOutputs(deps: Deps, work: Work, prediction: Prediction): Promise<void> {
  const { addresses, refused_host } = findOutputs(prediction.output, deps.env.replicate_file_hosts);
  const stored: StoredFile[] = [];
  let failure = failureWithout(prediction, refused_host);
  for (const [index, address] of addresses.entries()) {
    const output = await storeOutput(deps, work, address, index).catch((error: unknown) => {
      if (!(error instanceof PassingFault) || !isTooLate(work, prediction)) throw error;
      return { code: error.code_when_late };
    });
    if ("path" in output) stored.push(output);
    else failure = output;
  }
  if (stored.length < addresses.length || refused_host !== null) {
    const { code } = failure;
    deps.log("warn", "a result is not stored", { generation_id: work.id, code, host: refused_host });
  }
  if (stored.length === 0) return end(deps, work.id, failure, prediction);
  const won = await completeGeneration(deps.database, work.id, stored, secondsOf(prediction));
  const current = won ? null : await getGenerationWork(deps.database, work.id);
  // The generation was canceled or deleted during the copy, so nothing refers to the files.
  if (!won && current?.status !== "completed") {
    await deps.storage.remove(
      "generations",
      stored.map(({ path }) => path),
    );
  }
}

/** The reason why a successful prediction has no picture to fetch. */
function failureWithout(prediction: Prediction, refusedHost: string | null): Failure {
  if (refusedHost !== null) return { code: "output_not_allowed" };
  const { data_removed } = prediction as { data_removed?: unknown };
  if (data_removed === true) return { code: "output_lost" };
  // Some models omit blocked pictures and say so only in their log.
  return {
    code:
      isBlocked(prediction.error) || isBlocked(lastLines(prediction.logs))
        ? "content_blocked"
        : "output_invalid",
  };
}

function isTooLate(work: Work, { completed_at }: Prediction): boolean {
  const ended = Date.parse(completed_at ?? "");
  const since = Number.isNaN(ended) ? Date.parse(work.submitted_at ?? work.created_at) : ended;
  return Date.now() - since > copyWithinMs;
}
