import type { Deps } from "../context.ts";
import type { JobResult } from "../job-result.ts";
import { listOrphans } from "./store.ts";

const batchSize = 50;

/** Deletes users of Auth without an account. They come from failed registrations or from sign-ups at Auth itself. */
export async function removeOrphans({ auth, database, log }: Deps): Promise<JobResult> {
  const orphans = await listOrphans(database, batchSize);
  const results = await Promise.allSettled(orphans.map((id) => auth.deleteUser(id)));
  let failed = 0;
  for (const result of results) {
    if (result.status === "fulfilled") continue;
    failed++;
    log("error", "an auth user without an account could not be removed", { cause: result.reason });
  }
  return { checked: orphans.length, failed };
}
