import type { Deps } from "../context.ts";
import type { JobResult } from "../job-result.ts";
import { claimProjectPurges, purgeProject } from "./store.ts";

const projectsAtOnce = 5;
const batchSize = 200;
const leaseSeconds = 120;

/**
 * Purges deleted projects after their restore window: files, generations, accounts, then the project. It stops between two steps
 * after `budgetMs`, and the next run continues. Two runs at the same time do no harm.
 */
export async function purgeProjects(deps: Deps, budgetMs = 20_000): Promise<JobResult> {
  const until = Date.now() + budgetMs;
  const ids = await claimProjectPurges(deps.database, projectsAtOnce, leaseSeconds);
  let failed = 0;
  for (const id of ids) {
    try {
      while (Date.now() < until && !(await purgeStep(deps, id)));
    } catch (cause) {
      failed++;
      deps.log("error", "a deleted project could not be removed", { project_id: id, cause });
    }
  }
  return { checked: ids.length, failed };
}

/** @returns true when nothing of the project is left */
async function purgeStep({ database, storage }: Deps, id: string): Promise<boolean> {
  const { files, done } = await purgeProject(database, id, batchSize, leaseSeconds);
  for (const bucket of ["uploads", "generations"] as const) {
    await storage.remove(
      bucket,
      files.filter((file) => file.bucket === bucket).map((file) => file.path),
    );
  }
  return done;
}
