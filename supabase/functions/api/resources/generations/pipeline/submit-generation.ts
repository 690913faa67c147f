import { Buffer } from "node:buffer";
import type { Prediction } from "../../../clients/replicate.ts";
import type { Deps } from "../../../context.ts";
import type { Env } from "../../../env.ts";
import { ApiError } from "../../../errors.ts";
import { isPublic } from "../../../reach.ts";
import { modelInput } from "../input/model-input.ts";
import {
  type ClaimedSubmission,
  claimSubmission,
  failGeneration,
  recordSubmission,
  releaseSubmission,
} from "../store.ts";
import { cleanUpGeneration } from "./clean-up.ts";
import { type FailureCode, failures } from "./failures.ts";
import { finishGeneration } from "./finish-generation.ts";

const leaseSeconds = 60;
const maxAttempts = 5;
const inputUrlSeconds = 3600;
const pollMs = 2_000;
const pollAtMostMs = 120_000;

/**
 * Sends a pending generation to Replicate once. A simultaneous attempt finds the lease taken. After an unclear outcome the lease is
 * never free again, and the webhook or the reconciler decides.
 */
export async function submitGeneration(deps: Deps, id: string): Promise<void> {
  const { database, log, replicate } = deps;
  const claimed = await claimSubmission(database, id, leaseSeconds);
  if (claimed === null) return;
  let input: Record<string, unknown>;
  try {
    input = modelInput(claimed.model, {
      prompt: claimed.instructions,
      ...claimed.options,
      images: await imageAddresses(deps, claimed),
    });
  } catch (cause) {
    log("warn", "the pictures of a generation cannot be read", { generation_id: id, cause });
    const isGone = cause instanceof ApiError && cause.code === "image_not_found";
    return isGone ? fail(deps, id, "input_unreadable") : releaseOrFail(deps, claimed, 10, "input_unreadable");
  }
  const reachable = isReachable(deps.env);
  const webhook = `${deps.env.public_url}/api/v1/generation/webhooks/replicate?generation_id=${id}`;
  const result = await replicate.create(claimed.model, input, reachable ? webhook : undefined);
  if (result.outcome === "accepted") {
    const state = await recordSubmission(database, id, result.prediction.id);
    if (state === "unwanted") await cleanUpGeneration(deps, id);
    else if (!reachable) await followPrediction(deps, id, result.prediction);
    return;
  }
  log("warn", `submission ${result.outcome}`, { generation_id: id, reason: result.reason });
  if (result.outcome === "unclear") await releaseSubmission(database, id, "unclear", leaseSeconds);
  else if (result.again) await releaseOrFail(deps, claimed, result.waitSeconds, "provider_unavailable");
  else await fail(deps, id, "provider_refused");
}

async function releaseOrFail(
  deps: Deps,
  { id, attempt }: ClaimedSubmission,
  waitSeconds: number,
  code: FailureCode,
): Promise<void> {
  if (attempt >= maxAttempts) return fail(deps, id, code);
  await releaseSubmission(deps.database, id, "waiting", waitSeconds * 2 ** (attempt - 1));
}

async function fail(deps: Deps, id: string, code: FailureCode): Promise<void> {
  await failGeneration(deps.database, id, { code, error: failures[code], status: "failed" });
}

/** Replicate can call only public addresses. Its local look-alike can call local addresses too. */
export const isReachable = ({
  public_url,
  replicate_api_url,
}: Pick<Env, "public_url" | "replicate_api_url">) => isPublic(public_url) || !isPublic(replicate_api_url);

async function imageAddresses(deps: Deps, { example_images }: ClaimedSubmission): Promise<string[]> {
  if (isReachable(deps.env)) {
    return Promise.all(
      example_images.map(({ path }) => deps.storage.signedUrl("uploads", path, inputUrlSeconds)),
    );
  }
  return Promise.all(
    example_images.map(async ({ path, content_type }) => {
      const bytes = await deps.storage.download("uploads", path);
      return `data:${content_type};base64,${Buffer.from(bytes).toString("base64")}`;
    }),
  );
}

/** Polls the result where no webhook can arrive, such as on a laptop with the real Replicate. The reconciler continues after that. */
async function followPrediction(deps: Deps, id: string, first: Prediction): Promise<void> {
  const deadline = Date.now() + pollAtMostMs;
  let prediction: Prediction | null = first;
  while (prediction !== null && Date.now() < deadline) {
    if (await finishGeneration(deps, id, prediction)) return;
    await new Promise((resolve) => setTimeout(resolve, pollMs));
    prediction = await deps.replicate.get(first.id);
  }
}
