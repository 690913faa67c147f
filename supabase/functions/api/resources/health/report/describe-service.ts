import { z } from "@hono/zod-openapi";
import type { Deps } from "../../../context.ts";
import { type Env, isSecret } from "../../../env.ts";
import { timestamp } from "../../../fields/text.ts";
import { migrations as expected } from "../../../migrations.gen.ts";
import type { ServiceReport } from "../store.ts";

const figure = (description: string, example: number) => z.int().openapi({ description, example });
const versions = (description: string) => z.array(z.string()).openapi({ description, example: [] });

const waitingSchema = z.object({
  waiting: figure("The number of entries.", 0),
  oldest_seconds: figure("Age of the oldest entry in seconds.", 0),
});
const openSchema = z.object({
  count: figure("The number of entries.", 2),
  overdue: figure("Entries that were due for a check more than three minutes ago.", 0),
  oldest_seconds: figure("Age of the oldest entry in seconds.", 12),
});
const jobSchema = z.object({
  ran_at: timestamp("When the run ended."),
  checked: figure("Number of entries that the run checked.", 3),
  failed: figure("Number of those entries that failed.", 0),
  failing_since: timestamp("When the first of the current consecutive failures happened.").nullable(),
});

export const serviceSchema = z.object({
  runtime: z
    .string()
    .openapi({ description: "The JavaScript runtime and its version.", example: "Deno/2.9.6" }),
  database_version: z
    .string()
    .openapi({ description: "The version of the database server.", example: "17.6" }),
  migrations: z
    .object({
      applied: figure("Number of migrations that are applied in the database.", 42),
      expected: figure("Number of migrations in this version of the API.", 42),
      missing: versions("Migrations of this version that are not applied."),
      unknown: versions(
        "Migrations in the database that this version does not have: a newer version applied them.",
      ),
    })
    .openapi({ description: "The migrations of the database schema." }),
  pool: z
    .object({
      size: figure("The maximum number of connections of this instance.", 3),
      in_use: figure("Connections that run a statement now.", 1),
      waiting: figure("Statements that wait for a connection.", 0),
    })
    .openapi({ description: "The connection pool of the instance that responds." }),
  connections: z
    .object({
      max: figure("The maximum number of connections that the server allows.", 60),
      used: figure("All open connections.", 14),
      api: figure("Open connections of all instances of the API.", 6),
      api_active: figure("Connections of the API that are not idle.", 1),
    })
    .openapi({ description: "The connections of the whole database server." }),
  queue: z
    .object({
      pending: openSchema.openapi({ description: "Generations that Replicate has not accepted yet." }),
      processing: openSchema.openapi({
        description: "Generations that Replicate makes, or whose result is being stored.",
      }),
      ended_last_hour: z
        .object({
          completed: figure("Generations that ended with a picture.", 120),
          failed: figure("Generations that ended without a picture.", 1),
          canceled: figure("Generations that their owners canceled.", 2),
        })
        .openapi({ description: "How the generations ended that finished in the last hour." }),
    })
    .openapi({ description: "The queue of generations." }),
  reconciler: z
    .object({
      status: z.enum(["healthy", "failing", "late", "never_ran"]).openapi({
        description: "`late`: it did not run for three minutes. `failing`: a job's last run failed.",
        example: "healthy",
      }),
      last_run_at: timestamp("When a job last ran.").nullable(),
      jobs: z.record(z.string(), jobSchema).openapi({
        description: "The last run of each job, by the job's name.",
        example: {
          mail: { ran_at: "2026-11-24T09:00:00.123456Z", checked: 3, failed: 0, failing_since: null },
        },
      }),
    })
    .openapi({
      description: "Periodic jobs that finish the work that requests and webhooks left unfinished.",
    }),
  mail_outbox: waitingSchema
    .extend({ failing: figure("Mails whose last attempt failed.", 0) })
    .openapi({ description: "Mail that is not sent yet." }),
  cleanup: waitingSchema.openapi({ description: "Files and predictions that wait for their deletion." }),
  replicate_token: z.enum(["accepted", "refused", "unknown"]).optional().openapi({
    description: "Whether Replicate accepts the token. Absent when no token is set.",
    example: "accepted",
  }),
  settings: z.record(z.string(), z.union([z.string(), z.int(), z.boolean()])).openapi({
    description: "The settings of this instance. For a secret it says only whether it is set.",
    example: { smtp_port: 587, cron_secret_set: true },
  }),
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

/** Every setting, for `npm run doctor`. */
export function settingsOf(env: Env): ServiceDescription["settings"] {
  const told: ServiceDescription["settings"] = {};
  for (const [name, value] of Object.entries(env)) {
    if (isSecret(name)) told[`${name}_set`] = value !== undefined;
    else if (value !== undefined) told[name] = Array.isArray(value) ? value.join(",") : value;
  }
  return told;
}
