import type { Sql } from "postgres";

/** Tables that grow with use have more rows than this in the large database. */
const bigFrom = 5_000;

/** How often each big table has been scanned so far. */
export async function countScans(admin: Sql): Promise<Map<string, number>> {
  // Postgres reports the work of other connections after they have been idle, at most ten seconds later.
  await new Promise((resolve) => setTimeout(resolve, 11_000));
  const rows = await admin<{ name: string; scans: number }[]>`
    select schemaname || '.' || s.relname as name, seq_scan::int as scans
    from pg_stat_user_tables s join pg_class c on c.oid = s.relid
    where schemaname in ('public', 'auth', 'private') and c.reltuples > ${bigFrom}::int`;
  return new Map(rows.map(({ name, scans }) => [name, scans]));
}

/** The tables that were scanned in between, and how often. */
export const newScans = (before: Map<string, number>, after: Map<string, number>) =>
  [...after]
    .map(([name, scans]) => [name, scans - (before.get(name) ?? 0)] as const)
    .filter(([, scans]) => scans > 0);
