import type { Database } from "../clients/database.ts";
import type { Bucket } from "../clients/storage.ts";
import type { JobResult } from "../job-result.ts";

export const recordJobResults = (db: Database, results: Record<string, JobResult>) =>
  db.write<null>("record_job_results", [
    Object.entries(results).map(([name, { checked, failed }]) => ({ name, checked, failed })),
  ]);

/** @returns the number of deleted rows, at most `batchSize` */
export const removeOld = (db: Database, kind: string, keepSeconds: number, batchSize: number) =>
  db.write<number>("remove_old", [kind, keepSeconds, batchSize]);

type PurgeStep = { files: { bucket: Bucket; path: string }[]; rows: number; done: boolean };

export const claimProjectPurges = (db: Database, batchSize: number, leaseSeconds: number) =>
  db.write<string[]>("claim_project_purges", [batchSize, leaseSeconds]);

export const purgeProject = (db: Database, id: string, batchSize: number, leaseSeconds: number) =>
  db.write<PurgeStep>("purge_project", [id, batchSize, leaseSeconds]);

/** The ids of Auth's users without an account. */
export const listOrphans = (db: Database, batchSize: number) =>
  db.read<string[]>("list_orphans", [batchSize]);

export const claimJob = (db: Database, name: string, everySeconds: number) =>
  db.write<boolean>("claim_job", [name, everySeconds]);

export const collectOrphans = (db: Database, batchSize: number) =>
  db.write<number>("queue_orphan_files", [batchSize]);
