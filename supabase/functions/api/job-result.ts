/** The number of items that a job processed, and how many of them failed. */
export type JobResult = { checked: number; failed: number };
