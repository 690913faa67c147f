import postgres from "postgres";
import { afterAll, beforeAll, inject } from "vitest";

// Any number; it is the same for all who count visitors of this machine's one address.
const lock = 20_261_124;

/**
 * For a file whose visitors count: the limit and the budget of people without an account are the stack's, so such files take turns,
 * each beginning with nothing used.
 */
export function takeTurnsWithVisitors(): void {
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
