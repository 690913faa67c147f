/** How many things a job looked at, and how many of them failed. */
export type JobResult = { checked: number; failed: number };
