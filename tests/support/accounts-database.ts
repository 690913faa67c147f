import postgres from "postgres";
import { inject } from "vitest";

const { admin_database_url, database_url } = inject("stack");

/** The target's database, to move clocks and to look at what no endpoint shows. */
export function openDatabase(): postgres.Sql {
  const url = admin_database_url ?? database_url;
  if (url === undefined) throw new Error("These tests need the target's database: CLOUD_API_DATABASE_URL.");
  return postgres(url, { max: 2, onnotice: () => {} });
}

/** Forgets how often anything was tried, as if a day had passed. */
export const forgetAttempts = (sql: postgres.Sql) => sql`delete from public.auth_attempts`;
