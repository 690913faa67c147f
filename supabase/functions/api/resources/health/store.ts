import type { Database } from "../../clients/database.ts";
import type { Credentials } from "../../context.ts";

export type Waiting = { waiting: number; oldest_seconds: number };
export type ServiceReport = {
  version: string;
  /** The versions of the applied migrations. */
  migrations: string[];
  connections: { max: number; used: number; api: number; api_active: number };
  generations: Record<"pending" | "processing", { count: number; overdue: number; oldest_seconds: number }>;
  ended_last_hour: Record<"completed" | "failed" | "canceled", number>;
  mail_outbox: Waiting & { failing: number };
  cleanup: Waiting;
  jobs: Record<string, { ran_at: string; checked: number; failed: number; failing_since: string | null }>;
};

/** Only for operators. The endpoint checks the caller first. */
export const serviceReport = (db: Database) => db.read<ServiceReport>("service_report", [], 2_000);

/** Null means an anonymous caller, who may use only the scope `public`. */
export async function callerRole(
  db: Database,
  credentials: Credentials,
  scope: "public" | "platform",
): Promise<string | null> {
  return (await db.read<{ role: string | null }>("check_credentials", [credentials, scope])).role;
}
