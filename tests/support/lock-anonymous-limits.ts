import postgres from "postgres";
import { afterAll, beforeAll, inject } from "vitest";

// The number is arbitrary. All files that use the anonymous limits take this lock.
const lock = 20_261_124;

/**
 * Gives a test file exclusive use of the anonymous limits, which the whole stack shares. Such files run one after another, and each
 * begins with unused limits.
 */
export function lockAnonymousLimits(): void {
  const sql = postgres(inject("stack").admin_database_url ?? "", {
    max: 1,
    onnotice: () => {},
    idle_timeout: 0,
  });
  beforeAll(async () => {
    await sql`select pg_advisory_lock(${lock})`;
    await sql`delete from private.anonymous_usage where day < '3000-01-01'`;
  }, 180_000);
  afterAll(() => sql.end({ timeout: 2 }));
}
