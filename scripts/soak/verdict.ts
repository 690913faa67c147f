import { setTimeout } from "node:timers/promises";
import type { Sql } from "postgres";
import type { Tenant } from "../bench/seed.ts";
import { earlyAndLate, isFlat } from "../bench/statistics.ts";
import type { Counts } from "./traffic.ts";

export type Sample = {
  /** Undefined without /proc. */
  memory_mb: number | undefined;
  connections: number;
};

export type Finding = {
  name: string;
  is_right: boolean;
  found: string;
};

/** The pools of the embedded stack's three functions. More connections would be a leak. */
const mostConnections = 9;

/** Checks that must succeed after any traffic. Without samples it runs only those that other traffic cannot disturb. */
export async function judge(
  admin: Sql,
  tenant: Tenant,
  counts: Counts,
  samples: Sample[],
): Promise<Finding[]> {
  const { created, deleted, with_key, wrong, requests } = counts;
  const { kept, running, refunded, charged, by_key } = await countAll(admin, tenant, with_key);
  const findings: [string, boolean, string][] = [
    ["answers are right", wrong.length === 0, [`${requests} requests`, ...wrong.slice(0, 5)].join("; ")],
    ["no generation is stuck", running === 0, `${running} of ${created} still running`],
    [
      "none is lost or made twice",
      kept === created - deleted,
      `${kept} kept, ${created} created, ${deleted} deleted`,
    ],
    [
      "the quota adds up",
      charged === created - refunded,
      `${charged} charged, ${created} created, ${refunded} refunded`,
    ],
    ["the usage of the key adds up", by_key === with_key, `${by_key} counted, ${with_key} sent`],
  ];
  if (samples.length > 0) {
    const connections = Math.max(...samples.map((sample) => sample.connections));
    findings.push(["no connection leaks", connections <= mostConnections, `${connections} at most`]);
    const memory = samples.flatMap(({ memory_mb }) => memory_mb ?? []);
    const { early, late } = earlyAndLate(memory);
    if (memory.length > 0)
      findings.push([
        "memory is flat",
        isFlat(memory),
        `${early.toFixed(0)} MB early, ${late.toFixed(0)} MB late`,
      ]);
  }
  return findings.map(([name, is_right, found]) => ({ name, is_right, found }));
}

/** Reads the counters. They are written in batches, so they have half a minute to become correct. */
async function countAll(admin: Sql, { project_id, api_key_id }: Tenant, withKey: number) {
  const end = Date.now() + 30_000;
  for (;;) {
    const [row] = await admin<Record<"kept" | "running" | "refunded" | "charged" | "by_key", number>[]>`
      select count(*)::int as kept,
        count(*) filter (where completed_at is null)::int as running,
        count(*) filter (where charge = 'refunded')::int as refunded,
        (select sum(generations)::int from public.generation_usage where project_id = ${project_id}) as charged,
        (select sum(requests)::int from public.key_usage where api_key_id = ${api_key_id}) as by_key
      from public.generations where project_id = ${project_id}`;
    if (row === undefined) throw new Error("A count without a group has one row.");
    if ((row.running === 0 && row.by_key === withKey) || Date.now() > end) return row;
    await setTimeout(250);
  }
}
