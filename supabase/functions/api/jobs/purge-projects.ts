import type { Deps } from "../context.ts";
import type { JobResult } from "../job-result.ts";
import { claimProjectPurges, purgeProject } from "./store.ts";

const projectsAtOnce = 5;
const batchSize = 200;
const leaseSeconds = 120;

/**
 * Removes what deleted projects hold once their window is over: files, generations, accounts, then the project. Works for
 * `budgetMs` and stops between two steps; what is left waits for the next run. Safe to run twice at once.
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

/** True when nothing of the project is left. */
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
