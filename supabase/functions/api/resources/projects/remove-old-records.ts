import type { Deps } from "../../context.ts";
import { removeOldKeyUsage } from "../keys/store.ts";
import { removeOldAuditEvents } from "./store.ts";

const batchSize = 1_000;

/** Removes one batch of audit events and of usage counts that are older than they are kept. */
export async function removeOldRecords({
  database,
  env,
}: Deps): Promise<{ checked: number; failed: number }> {
  const events = await removeOldAuditEvents(database, env.audit_retention_days, batchSize);
  const days = await removeOldKeyUsage(database, env.usage_retention_days, batchSize);
  return { checked: events + days, failed: 0 };
}
