import { timingSafeEqual } from "node:crypto";
import { createRoute, z } from "@hono/zod-openapi";
import type { Deps } from "../context.ts";
import { ApiError } from "../errors.ts";
import type { JobResult } from "../job-result.ts";
import { deliverMail } from "../mail/deliver-mail.ts";
import { cleanUp } from "../resources/generations/pipeline/clean-up.ts";
import { reconcileGenerations } from "../resources/generations/pipeline/reconcile-generations.ts";
import { deliverWebhooks } from "../resources/webhooks/delivery/deliver-webhooks.ts";
import { createRouter } from "../router.ts";
import { purgeProjects } from "./purge-projects.ts";
import { queueOrphanFiles } from "./queue-orphan-files.ts";
import { removeOld } from "./remove-old.ts";
import { removeOrphans } from "./remove-orphans.ts";
import { recordJobResults } from "./store.ts";

type Job = { name: string; run: (deps: Deps) => Promise<JobResult> };

/** Each job may run twice at the same time, and a job that fails does not stop the others. */
const jobs: readonly Job[] = [
  { name: "generations", run: reconcileGenerations },
  { name: "orphan_files", run: queueOrphanFiles },
  { name: "mail", run: deliverMail },
  { name: "webhooks", run: deliverWebhooks },
  { name: "orphan_users", run: removeOrphans },
  { name: "projects", run: purgeProjects },
  { name: "retention", run: removeOld },
  // Runs last, since the other jobs leave files to remove.
  { name: "cleanup", run: cleanUp },
];

const resultSchema = z.object({ checked: z.int(), failed: z.int() });
const route = createRoute({
  method: "post",
  path: "/api/v1/internal/reconcile",
  hide: true,
  responses: {
    200: {
      description: "What each job looked at, and what of it failed.",
      content: { "application/json": { schema: z.object({ jobs: z.record(z.string(), resultSchema) }) } },
    },
  },
});

/** Finishes the work that requests, webhooks and background work left. */
export const reconcile = createRouter().openapi(route, async (c) => {
  const deps = c.get("deps");
  requireCronSecret(deps, c.req.header("authorization"));
  const results: Record<string, JobResult> = {};
  for (const { name, run } of jobs) {
    try {
      results[name] = await run(deps);
    } catch (cause) {
      deps.log("error", "a job of the reconciler broke", { job: name, cause });
      results[name] = { checked: 0, failed: 1 };
    }
  }
  await recordJobResults(deps.database, results);
  return c.json({ jobs: results }, 200);
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
