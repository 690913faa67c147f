import type { Database } from "../../clients/database.ts";

export type JobResult = { checked: number; failed: number };

export const recordJobResults = (db: Database, results: Record<string, JobResult>) =>
  db.write<null>("record_job_results", [
    Object.entries(results).map(([name, { checked, failed }]) => ({ name, checked, failed })),
  ]);
