import type { Deps } from "../../../context.ts";
import { inBatches } from "../../../in-batches.ts";
import type { JobResult } from "../../../job-result.ts";
import { type CleanupTask, claimCleanupTasks, endCleanupTasks } from "../store.ts";

const batchSize = 100;
/** A request that is not in Replicate's list after this time was never taken. */
const lookForMs = 15 * 60_000;
const clockSkewMs = 60_000;

/** Does what deleted and canceled generations left to do outside the database, as far as it is due. */
export function cleanUp(deps: Deps): Promise<JobResult> {
  const claim = () => claimCleanupTasks(deps.database, null, batchSize);
  return inBatches(claim, (tasks) => perform(deps, tasks), batchSize);
}

/** The same for one generation, at once. What fails is left to the reconciler. */
export async function cleanUpGeneration(deps: Deps, id: string): Promise<void> {
  try {
    await perform(deps, await claimCleanupTasks(deps.database, id, batchSize));
  } catch (cause) {
    deps.log("warn", "a cleanup waits for the reconciler", { generation_id: id, cause });
  }
}

/** @returns how many tasks failed; they stay and are tried again. */
async function perform(deps: Deps, tasks: CleanupTask[]): Promise<number> {
  const { database, log, replicate, storage } = deps;
  let failed = 0;
  // Work that answers false is not over yet, and looked at again later.
  const attempt = async (group: CleanupTask[], work: () => Promise<unknown>) => {
    if (group.length === 0) return;
    try {
      if ((await work()) === false) return;
      await endCleanupTasks(
        database,
        group.map(({ id }) => id),
      );
    } catch (cause) {
      failed += group.length;
      log("warn", "a cleanup failed", { kind: group[0]?.kind ?? null, count: group.length, cause });
    }
  };
  for (const task of tasks.filter(({ kind }) => kind === "prediction")) {
    await attempt([task], () => replicate.cancel(task.target));
  }
  for (const task of tasks.filter(({ kind }) => kind === "submission")) {
    await attempt([task], () => stopIfFound(deps, task));
  }
  for (const bucket of ["uploads", "generations"] as const) {
    const group = tasks.filter(({ kind }) => kind === bucket);
    await attempt(group, () =>
      storage.remove(
        bucket,
        group.map(({ target }) => target),
      ),
    );
  }
  return failed;
}

/** @returns whether nothing can run on at Replicate any more. */
async function stopIfFound({ replicate }: Deps, { target, generation_id }: CleanupTask): Promise<boolean> {
  const submittedAt = Date.parse(target);
  const { prediction, complete } = await replicate.find(generation_id, new Date(submittedAt - clockSkewMs));
  if (prediction === null) return complete && Date.now() - submittedAt > lookForMs;
  if (prediction.status === "starting" || prediction.status === "processing") {
    await replicate.cancel(prediction.id);
  }
  return true;
}
