import { timingSafeEqual } from "node:crypto";
import { createRoute, z } from "@hono/zod-openapi";
import type { Deps } from "../../context.ts";
import { ApiError } from "../../errors.ts";
import { createRouter } from "../../openapi.ts";
import { removeOrphans } from "../auth/clean-up.ts";
import { cleanUp } from "../generations/clean-up.ts";
import { queueOrphanFiles } from "../generations/collect-orphan-files.ts";
import { reconcileGenerations } from "../generations/reconcile-generations.ts";
import { deliverMail } from "../mail/deliver-mail.ts";
import { purgeProjects } from "../projects/purge-projects.ts";
import { removeOld } from "../retention/remove-old.ts";
import { deliverWebhooks } from "../webhooks/deliver-webhooks.ts";
import { type JobResult, recordJobResults } from "./store.ts";

type Job = { name: string; run: (deps: Deps) => Promise<JobResult> };

/** Each is safe to run twice at once, and none waits for another: one that breaks leaves the others their turn. */
const jobs: readonly Job[] = [
  { name: "generations", run: reconcileGenerations },
  { name: "orphan_files", run: queueOrphanFiles },
  { name: "mail", run: deliverMail },
  { name: "webhooks", run: deliverWebhooks },
  { name: "orphan_users", run: removeOrphans },
  { name: "projects", run: purgeProjects },
  { name: "retention", run: removeOld },
  // Last: what the others deleted left files to remove.
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

/** Finishes what requests, webhooks and background work left behind. */
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
