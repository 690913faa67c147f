import type { Deps } from "../context.ts";
import type { Env } from "../env.ts";
import type { JobResult } from "../job-result.ts";
import * as store from "./store.ts";

const batchSize = 500;
const maxBatches = 20;
const hour = 3_600;
const day = 24 * hour;

/** The seconds for which each kind is kept after its creation or its end. docs/limits.md explains the kinds. */
export const retentionOf = (env: Env) => ({
  rate_limits: hour,
  auth_attempts: day,
  mail_tokens: 7 * day,
  email_changes: 0,
  project_transfers: 7 * day,
  password_permits: hour,
  anonymous_generations: 0,
  anonymous_usage: 2 * day,
  // This month and the last one.
  user_usage: 62 * day,
  uploads: 3 * hour,
  idempotency_keys: day,
  webhook_deliveries: 7 * day,
  generation_events: env.event_retention_days * day,
  mail: 7 * day,
  webhook_log: 30 * day,
  key_usage: env.usage_retention_days * day,
  audit_events: env.audit_retention_days * day,
});

/** Deletes expired rows, in batches that hold no lock for long. The next run continues. */
export async function removeOld({ database, env, log }: Deps): Promise<JobResult> {
  let checked = 0;
  let failed = 0;
  for (const [kind, keepSeconds] of Object.entries(retentionOf(env))) {
    try {
      for (let batch = 0; batch < maxBatches; batch++) {
        const removed = await store.removeOld(database, kind, keepSeconds, batchSize);
        checked += removed;
        if (removed < batchSize) break;
      }
    } catch (cause) {
      failed++;
      log("error", "expired rows could not be removed", { kind, cause });
    }
  }
  return { checked, failed };
}
