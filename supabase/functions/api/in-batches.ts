import type { JobResult } from "./job-result.ts";

/** The reconciler runs its jobs one after another, so each has a time limit. */
const budgetMs = 20_000;

/**
 * Claims and processes batches until fewer than `least` rows are due or the time limit is reached. The next run continues.
 * @param work returns how many of the batch failed
 */
export async function inBatches<Row>(
  claim: () => Promise<Row[]>,
  work: (batch: Row[]) => Promise<number>,
  least: number,
): Promise<JobResult> {
  const until = Date.now() + budgetMs;
  let checked = 0;
  let failed = 0;
  while (Date.now() < until) {
    const due = await claim();
    checked += due.length;
    failed += await work(due);
    if (due.length < least) break;
  }
  return { checked, failed };
}
