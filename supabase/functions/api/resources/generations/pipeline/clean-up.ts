import type { Deps } from "../../../context.ts";
import { inBatches } from "../../../in-batches.ts";
import type { JobResult } from "../../../job-result.ts";
import { type CleanupTask, claimCleanupTasks, endCleanupTasks } from "../store.ts";

const batchSize = 100;
/** Replicate never accepted a request that is not in its list after this time. */
const lookForMs = 15 * 60_000;
const clockSkewMs = 60_000;

/** Performs the due tasks that deleted and canceled generations left outside the database. */
export function cleanUp(deps: Deps): Promise<JobResult> {
  const claim = () => claimCleanupTasks(deps.database, null, batchSize);
  return inBatches(claim, (tasks) => perform(deps, tasks), batchSize);
}

/** Performs the tasks of one generation at once. The reconciler repeats tasks that fail. */
export async function cleanUpGeneration(deps: Deps, id: string): Promise<void> {
  try {
    await perform(deps, await claimCleanupTasks(deps.database, id, batchSize));
  } catch (cause) {
    deps.log("warn", "a cleanup waits for the reconciler", { generation_id: id, cause });
  }
}

/** @returns the number of failed tasks, which stay and are repeated */
async function perform(deps: Deps, tasks: CleanupTask[]): Promise<number> {
  const { database, log, replicate, storage } = deps;
  let failed = 0;
  // Work that returns false is not finished and is repeated later.
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
  // Side by side: a provider that hangs costs one deadline, not one for each.
  const running = tasks.filter(({ kind }) => kind === "prediction");
  await Promise.all(running.map((task) => attempt([task], () => replicate.cancel(task.target))));
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

/** @returns whether nothing can still run at Replicate */
async function stopIfFound({ replicate }: Deps, { target, generation_id }: CleanupTask): Promise<boolean> {
  const submittedAt = Date.parse(target);
  const { prediction, complete } = await replicate.find(generation_id, new Date(submittedAt - clockSkewMs));
  if (prediction === null) return complete && Date.now() - submittedAt > lookForMs;
  if (prediction.status === "starting" || prediction.status === "processing") {
    await replicate.cancel(prediction.id);
  }
  return true;
}
