import { createHash } from "node:crypto";
import { FileGone, FileTooLarge, type Prediction } from "../../clients/replicate.ts";
import type { StoredFile } from "../../clients/storage.ts";
import type { Deps } from "../../context.ts";
import { ByteBudget } from "./byte-budget.ts";
import { type FailureCode, failureOf, failures } from "./failures.ts";
import { extensionOf, readImageType } from "./image-type.ts";
import { completeGeneration, failGeneration, findWork, type Work } from "./store.ts";

const maxOutputBytes = 25 * 1024 * 1024;
const maxOutputs = 10;
/** Results are held in memory while they are copied: two of the largest at once. */
const copies = new ByteBudget(2 * maxOutputBytes);

/**
 * Brings a generation to the end that its prediction, read from Replicate itself, has come to. Safe to run twice and at once: the
 * files have fixed paths, and the database takes the first end only.
 * @returns whether the prediction has ended. Throws when a result could not be copied yet; the reconciler tries again.
 */
export async function finishGeneration(deps: Deps, id: string, prediction: Prediction): Promise<boolean> {
  const { database, log } = deps;
  if (prediction.status === "succeeded") {
    const work = await findWork(database, id);
    if (work === null || (work.status !== "pending" && work.status !== "processing")) return true;
    await storeOutputs(deps, work, prediction);
    return true;
  }
  if (prediction.status === "failed") {
    log("warn", "a prediction failed", {
      generation_id: id,
      prediction_id: prediction.id,
      reason: String(prediction.error).slice(0, 500),
    });
    await end(deps, id, failureOf(prediction.error), prediction);
    return true;
  }
  if (prediction.status === "canceled" || prediction.status === "aborted") {
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

/** What Replicate bills, also for a prediction that failed. */
const secondsOf = (prediction: Prediction) => prediction.metrics?.predict_time ?? null;

async function end(deps: Deps, id: string, code: FailureCode, prediction: Prediction): Promise<void> {
  await failGeneration(deps.database, id, {
    code,
    error: failures[code],
    status: "failed",
    predict_seconds: secondsOf(prediction),
  });
}

async function storeOutputs(deps: Deps, work: Work, prediction: Prediction): Promise<void> {
  const addresses = [prediction.output]
    .flat()
    .filter((output): output is string => typeof output === "string");
  const outputs: StoredFile[] = [];
  for (const [index, address] of addresses.slice(0, maxOutputs).entries()) {
    const output = await storeOutput(deps, work, address, index);
    if (typeof output === "string") {
      await removeOutputs(deps, outputs);
      return end(deps, work.id, output, prediction);
    }
    outputs.push(output);
  }
  if (outputs.length === 0) return end(deps, work.id, "output_invalid", prediction);
  const won = await completeGeneration(deps.database, work.id, outputs, secondsOf(prediction));
  const current = won ? null : await findWork(deps.database, work.id);
  // Canceled or deleted while it was copied: then nobody refers to the files.
  if (!won && current?.status !== "completed") await removeOutputs(deps, outputs);
}

async function removeOutputs(deps: Deps, outputs: StoredFile[]): Promise<void> {
  await deps.storage.remove(
    "generations",
    outputs.map(({ path }) => path),
  );
}

async function storeOutput(
  deps: Deps,
  work: Work,
  address: string,
  index: number,
): Promise<StoredFile | FailureCode> {
  const release = await copies.take(maxOutputBytes);
  try {
    return await copyOutput(deps, work, await deps.replicate.download(address, maxOutputBytes), index);
  } catch (error) {
    if (error instanceof FileGone) return "output_lost";
    if (error instanceof FileTooLarge) return "output_invalid";
    throw error;
  } finally {
    release();
  }
}

async function copyOutput(
  deps: Deps,
  work: Work,
  body: Uint8Array,
  index: number,
): Promise<StoredFile | FailureCode> {
  const type = readImageType(body);
  if (type === null) return "output_invalid";
  const path = `${work.project_id ?? "anonymous"}/${work.id}/${index}.${extensionOf(type.content_type)}`;
  await deps.storage.upload("generations", path, body, type.content_type);
  return { ...type, path, bytes: body.byteLength, sha256: createHash("sha256").update(body).digest("hex") };
}
