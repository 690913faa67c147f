import { randomUUID } from "node:crypto";
import type postgres from "postgres";
import { type Developer, registerDeveloper } from "./api.ts";

export type Limits = {
  requests_per_day?: number;
  auth_calls_per_hour?: number;
  reads_per_minute?: number;
};

const windowsMs = { requests_per_day: 86_400_000, auth_calls_per_hour: 3_600_000, reads_per_minute: 60_000 };
/** A test's requests in one window take less time than this. */
const roomMs = { requests_per_day: 60_000, auth_calls_per_hour: 60_000, reads_per_minute: 15_000 };

/** Waits when a window is about to end, since windows begin on the day, hour or minute. A test must count in one window. */
export async function waitForWindow(limits: Limits): Promise<void> {
  for (const name of Object.keys(limits) as (keyof Limits)[]) {
    const left = windowsMs[name] - (Date.now() % windowsMs[name]);
    if (left < roomMs[name]) await new Promise((resolve) => setTimeout(resolve, left));
  }
}

/** Creates a plan with only these limits. */
export async function createPlan(sql: postgres.Sql, limits: Limits): Promise<string> {
  await waitForWindow(limits);
  const id = `limited-${randomUUID()}`;
  await sql`insert into public.plans ${sql({ id, ...limits })}`;
  return id;
}

export type LimitedDeveloper = Developer & { plan: string };

export async function registerLimited(sql: postgres.Sql, limits: Limits): Promise<LimitedDeveloper> {
  const developer = await registerDeveloper();
  const plan = await createPlan(sql, limits);
  await sql`update public.users set plan_id = ${plan} where id = ${developer.id}`;
  return { ...developer, plan };
}

/** Ends the window of every bucket with this id in its name, now or after this many seconds. */
export async function endWindow(sql: postgres.Sql, id: string, seconds = 0): Promise<void> {
  const { count } = await sql`
    update private.rate_limits set resets_at = now() + make_interval(secs => ${seconds}) where bucket like ${`%${id}%`}`;
  if (count === 0) throw new Error(`nothing is counted for ${id}`);
}

/** Begins the window of an unused bucket, so that it does not end during the test. */
export const beginWindow = (sql: postgres.Sql, bucket: string) => sql`
  insert into private.rate_limits (bucket, used, resets_at) values (${bucket}, 0, now() + interval '10 minutes')`;

export const usedOf = async (sql: postgres.Sql, bucket: string): Promise<number> =>
  (await sql`select used from private.rate_limits where bucket = ${bucket}`)[0]?.used ?? 0;

export const countStatuses = (answers: { status: number }[]): Record<number, number> => {
  const counts: Record<number, number> = {};
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
};

/** The limit headers of an answer, as numbers; absent ones are null. */
export function limitHeadersOf(headers: Headers) {
  const number = (name: string) => (headers.has(name) ? Number(headers.get(name)) : null);
  return {
    limit: number("x-ratelimit-limit"),
    remaining: number("x-ratelimit-remaining"),
    reset: number("x-ratelimit-reset"),
  };
}
