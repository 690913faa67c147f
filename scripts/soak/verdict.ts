import type { Sql } from "postgres";
import type { Subject } from "./subject.ts";
import type { Counts } from "./traffic.ts";

export type Sample = {
  memory_mb: number;
  connections: number;
};

export type Finding = {
  name: string;
  is_right: boolean;
  found: string;
};

/** More than the pool of the embedded stack's three functions would be a leak. */
const mostConnections = 9;

const median = (values: number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

/** Checks that must hold after any traffic. Counters that are written in batches get a moment. */
export async function judge(
  admin: Sql,
  subject: Subject,
  counts: Counts,
  samples: Sample[],
): Promise<Finding[]> {
  const { project_id, api_key_id } = subject;
  const number = async (query: PromiseLike<readonly { n?: unknown }[]>) => Number((await query)[0]?.n ?? 0);
  const running = await settled(
    () =>
      number(
        admin`select count(*)::int as n from public.generations where project_id = ${project_id} and completed_at is null`,
      ),
    0,
  );
  const kept = await number(
    admin`select count(*)::int as n from public.generations where project_id = ${project_id}`,
  );
  const used = await number(admin`select sum(generations)::int as n from public.generation_usage
    where project_id = ${project_id}`);
  const refunded = await number(admin`select count(*)::int as n from public.generations
    where project_id = ${project_id} and charge = 'refunded'`);
  const by_key = await settled(
    () =>
      number(admin`select sum(requests)::int as n from public.key_usage where api_key_id = ${api_key_id}`),
    counts.with_key,
  );
  return [
    finding(
      "answers are right",
      counts.wrong.length === 0,
      `${counts.requests} requests${counts.wrong
        .slice(0, 5)
        .map((text) => `; ${text}`)
        .join("")}`,
    ),
    finding("no generation is stuck", running === 0, `${running} of ${counts.created} still running`),
    finding(
      "none is lost or made twice",
      kept === counts.created - counts.deleted,
      `${kept} kept, ${counts.created} created, ${counts.deleted} deleted`,
    ),
    finding(
      "the quota adds up",
      used === counts.created - refunded,
      `${used} charged, ${counts.created} created, ${refunded} given back`,
    ),
    finding(
      "the usage of the key adds up",
      by_key === counts.with_key,
      `${by_key} counted, ${counts.with_key} sent`,
    ),
    ...(samples.length === 0 ? [] : watched(samples)),
  ];
}

/** Checks of the whole process, which other traffic would disturb. */
function watched(samples: Sample[]): Finding[] {
  const quarter = Math.max(1, Math.floor(samples.length / 4));
  const memory = samples.map(({ memory_mb }) => memory_mb);
  const early = median(memory.slice(quarter, 2 * quarter));
  const late = median(memory.slice(-quarter));
  const connections = Math.max(...samples.map((sample) => sample.connections));
  return [
    finding("no connection leaks", connections <= mostConnections, `${connections} at most`),
    finding(
      "memory is flat",
      late <= early + Math.max(20, early / 5),
      `${early.toFixed(0)} MB early, ${late.toFixed(0)} MB late`,
    ),
  ];
}

const finding = (name: string, isRight: boolean, found: string): Finding => ({
  name,
  is_right: isRight,
  found,
});

/** Repeats until the value is as expected, for at most half a minute. Returns the last value. */
async function settled(look: () => Promise<number>, expected: number): Promise<number> {
  const end = Date.now() + 30_000;
  let found = await look();
  while (found !== expected && Date.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, 250));
    found = await look();
  }
  return found;
}
