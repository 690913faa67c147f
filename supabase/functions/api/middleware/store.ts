import type { Database } from "../clients/database.ts";
import type { KeyKind } from "../key-kinds.ts";

/** One isolate's counts of one key on one UTC day. */
export type KeyUse = {
  kind: KeyKind;
  key_hash: string;
  day: string;
  requests: number;
  errors: number;
  used_at: string;
};

export const recordKeyUsage = (db: Database, batch: KeyUse[]) => db.write<null>("record_key_usage", [batch]);
