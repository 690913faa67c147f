import type { Deps } from "../../context.ts";
import { claimJob, collectOrphans, purgeGenerations } from "./store.ts";

const batchSize = 500;
const orphansEverySeconds = 3600;

/** Deletes what is over: expired anonymous pictures, unused uploads, old idempotency keys and webhook ids. */
export async function purgeGenerationData({ database }: Deps): Promise<{ checked: number; failed: number }> {
  const counts = await purgeGenerations(database, batchSize);
  return { checked: Object.values(counts).reduce((sum, count) => sum + count, 0), failed: 0 };
}

/** Once an hour: finds files that belong to nothing. It looks at every stored file, so not each minute. */
export async function collectOrphanFiles({ database }: Deps): Promise<{ checked: number; failed: number }> {
  if (!(await claimJob(database, "orphan_files", orphansEverySeconds))) return { checked: 0, failed: 0 };
  return { checked: await collectOrphans(database, batchSize), failed: 0 };
}
