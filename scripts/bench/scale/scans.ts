import type { Sql } from "postgres";

/** Tables that grow with use have more rows than this in the large database. */
const bigFrom = 5_000;

/** How often each big table was read from end to end so far. */
export async function countScans(admin: Sql): Promise<Map<string, number>> {
  // What other connections did is told when they have been idle for a moment: ten seconds, at most.
  await new Promise((resolve) => setTimeout(resolve, 11_000));
  const rows = await admin<{ name: string; scans: number }[]>`
    select schemaname || '.' || s.relname as name, seq_scan::int as scans
    from pg_stat_user_tables s join pg_class c on c.oid = s.relid
    where schemaname in ('public', 'auth', 'private') and c.reltuples > ${bigFrom}::int`;
  return new Map(rows.map(({ name, scans }) => [name, scans]));
}

/** The tables that were read from end to end in between, and how often. */
export const newScans = (before: Map<string, number>, after: Map<string, number>) =>
  [...after]
    .map(([name, scans]) => [name, scans - (before.get(name) ?? 0)] as const)
    .filter(([, scans]) => scans > 0);
