import type { Database } from "../../clients/database.ts";

export type RequestCount = {
  method: string;
  route: string;
  status: number;
  requests: number;
  seconds: number;
  buckets: number[];
};

export const recordRequests = (db: Database, batch: RequestCount[]) =>
  db.write<null>("record_requests", [batch]);

export const listRequestCounts = (db: Database) => db.read<RequestCount[]>("list_request_counts", []);
