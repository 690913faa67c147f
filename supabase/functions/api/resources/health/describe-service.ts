import { z } from "@hono/zod-openapi";
import type { Deps } from "../../context.ts";
import type { Env } from "../../env.ts";
import { migrations as expected } from "../../migrations.gen.ts";
import type { ServiceReport } from "./store.ts";

const waitingSchema = z.object({ waiting: z.int(), oldest_seconds: z.int() });
const openSchema = z.object({ count: z.int(), overdue: z.int(), oldest_seconds: z.int() });
const jobSchema = z.object({
  ran_at: z.string().openapi({ format: "date-time" }),
  checked: z.int(),
  failed: z.int(),
  failing_since: z.string().nullable().openapi({ format: "date-time" }),
});

export const serviceSchema = z.object({
  runtime: z.string().openapi({ example: "Deno/2.9.6" }),
  database_version: z.string().openapi({ example: "17.6" }),
  migrations: z.object({
    applied: z.int(),
    expected: z.int(),
    missing: z.array(z.string()).openapi({ description: "Known to this version of the API, not applied." }),
    unknown: z.array(z.string()).openapi({ description: "Applied by a newer version of the API." }),
  }),
  pool: z
    .object({ size: z.int(), in_use: z.int(), waiting: z.int() })
    .openapi({ description: "Connections of the instance that answers, and calls that wait for one." }),
  connections: z
    .object({ max: z.int(), used: z.int(), api: z.int(), api_active: z.int() })
    .openapi({ description: "Of the whole server; `api` are those of all instances." }),
  queue: z.object({
    pending: openSchema,
    processing: openSchema,
    ended_last_hour: z.object({ completed: z.int(), failed: z.int(), canceled: z.int() }),
  }),
  reconciler: z.object({
    status: z.enum(["healthy", "failing", "late", "never_ran"]).openapi({
      description: "`late` when it did not run for three minutes, `failing` when a job's last run failed.",
    }),
    last_run_at: z.string().nullable().openapi({ format: "date-time" }),
    jobs: z.record(z.string(), jobSchema),
  }),
  mail_outbox: waitingSchema.extend({ failing: z.int() }),
  cleanup: waitingSchema,
  settings: z
    .record(z.string(), z.union([z.string(), z.int(), z.boolean()]))
    .openapi({ description: "What this instance runs with. Of a secret only whether it is set." }),
});
export type ServiceDescription = z.infer<typeof serviceSchema>;

export function describeService({ env, database }: Deps, report: ServiceReport): ServiceDescription {
  const { version, migrations, generations, ended_last_hour, jobs, ...rest } = report;
  return {
    runtime: navigator.userAgent,
    database_version: version,
    migrations: {
      applied: migrations.length,
      expected: expected.length,
      missing: expected.filter((each) => !migrations.includes(each)),
      unknown: migrations.filter((each) => !expected.includes(each)),
    },
    pool: database.pool(),
    queue: { ...generations, ended_last_hour },
    reconciler: describeReconciler(jobs, Date.now()),
    ...rest,
    settings: settingsOf(env),
  };
}

const lateAfterMs = 3 * 60_000;

export function describeReconciler(
  jobs: ServiceReport["jobs"],
  now: number,
): ServiceDescription["reconciler"] {
  const last_run_at = Object.values(jobs).reduce<string | null>(
    (last, { ran_at }) => (last === null || Date.parse(ran_at) > Date.parse(last) ? ran_at : last),
    null,
  );
  const isFailing = Object.values(jobs).some(({ failing_since }) => failing_since !== null);
  const status =
    last_run_at === null
      ? "never_ran"
      : now - Date.parse(last_run_at) > lateAfterMs
        ? "late"
        : isFailing
          ? "failing"
          : "healthy";
  return { status, last_run_at, jobs };
}

const secrets = /key|token|secret|password|user|jwks|database_url|redis_url/;

/** Every setting, so that a doctor can read them. A new one that is secret has to be named like one. */
export function settingsOf(env: Env): ServiceDescription["settings"] {
  const told: ServiceDescription["settings"] = {};
  for (const [name, value] of Object.entries(env)) {
    if (secrets.test(name)) told[`${name}_set`] = value !== undefined;
    else if (value !== undefined) told[name] = Array.isArray(value) ? value.join(",") : value;
  }
  return told;
}
