import type { Database } from "../../clients/database.ts";
import type { RequestCount } from "../../clients/request-counter.ts";

export const listRequestCounts = (db: Database) => db.read<RequestCount[]>("list_request_counts", []);
