import type { Deps } from "../context.ts";
import type { JobResult } from "../job-result.ts";
import { claimJob, collectOrphans } from "./store.ts";

const batchSize = 500;
const orphansEverySeconds = 3600;

/** Finds orphaned files once an hour. It reads the list of all files, so it does not run each minute. */
export async function queueOrphanFiles({ database }: Deps): Promise<JobResult> {
  if (!(await claimJob(database, "orphan_files", orphansEverySeconds))) return { checked: 0, failed: 0 };
  return { checked: await collectOrphans(database, batchSize), failed: 0 };
}
