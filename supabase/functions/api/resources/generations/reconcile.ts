import { timingSafeEqual } from "node:crypto";
import { createRoute, z } from "@hono/zod-openapi";
import type { Deps } from "../../context.ts";
import { ApiError } from "../../errors.ts";
import { createRouter } from "../../openapi.ts";
import { purgeProjects } from "../projects/purge-projects.ts";
import { removeOldRecords } from "../projects/remove-old-records.ts";
import { type FailureCode, failures } from "./failures.ts";
import { finishGeneration } from "./finish-generation.ts";
import { claimDueGenerations, failGeneration, type Work } from "./store.ts";
import { submitGeneration } from "./submit-generation.ts";

const batchSize = 20;
const maxBatches = 10;
const giveUpMs = 60 * 60_000;

const route = createRoute({
  method: "post",
  path: "/api/v1/internal/reconcile",
  hide: true,
  responses: {
    200: {
      description: "What was looked at.",
      content: { "application/json": { schema: z.object({ checked: z.int(), failed: z.int() }) } },
    },
  },
});

/** Finishes what webhooks and background work left behind. Safe to run twice at once: each row is claimed for a minute. */
export const reconcile = createRouter().openapi(route, async (c) => {
  const deps = c.get("deps");
  requireCronSecret(deps, c.req.header("authorization"));
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
  for (const job of [purgeProjects, removeOldRecords]) {
    const result = await job(deps);
    checked += result.checked;
    failed += result.failed;
  }
  return c.json({ checked, failed }, 200);
});

function requireCronSecret({ env }: Deps, authorization: string | undefined): void {
  const encode = (text: string) => new TextEncoder().encode(text);
  const sent = encode(authorization ?? "");
  const expected = encode(`Bearer ${env.cron_secret}`);
  if (
    env.cron_secret === undefined ||
    sent.byteLength !== expected.byteLength ||
    !timingSafeEqual(sent, expected)
  ) {
    throw new ApiError("invalid_cron_secret");
  }
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
