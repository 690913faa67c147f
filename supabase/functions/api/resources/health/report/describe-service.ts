import { z } from "@hono/zod-openapi";
import type { Deps } from "../../../context.ts";
import { type Env, isSecret } from "../../../env.ts";
import { timestamp } from "../../../fields/text.ts";
import { migrations as expected } from "../../../migrations.gen.ts";
import type { ServiceReport } from "../store.ts";

const figure = (description: string, example: number) => z.int().openapi({ description, example });
const versions = (description: string) => z.array(z.string()).openapi({ description, example: [] });

const waitingSchema = z.object({
  waiting: figure("How many.", 0),
  oldest_seconds: figure("Age of the oldest.", 0),
});
const openSchema = z.object({
  count: figure("How many.", 2),
  overdue: figure("What nobody looked at for three minutes longer than it should be.", 0),
  oldest_seconds: figure("Age of the oldest.", 12),
});
const jobSchema = z.object({
  ran_at: timestamp("When it ended."),
  checked: figure("What it looked at.", 3),
  failed: figure("What of that failed.", 0),
  failing_since: timestamp("The first of its failed runs in a row.").nullable(),
});

export const serviceSchema = z.object({
  runtime: z.string().openapi({ description: "What the API runs on.", example: "Deno/2.9.6" }),
  database_version: z.string().openapi({ description: "Of the database server.", example: "17.6" }),
  migrations: z
    .object({
      applied: figure("In the database.", 42),
      expected: figure("That this version of the API brings.", 42),
      missing: versions("Brought by this version, and not applied."),
      unknown: versions("Applied by a newer version of the API."),
    })
    .openapi({ description: "Changes of the database's schema." }),
  pool: z
    .object({
      size: figure("Connections that this instance opens at most.", 3),
      in_use: figure("Of them, with a statement under way.", 1),
      waiting: figure("Statements that wait for a connection.", 0),
    })
    .openapi({ description: "Of the instance that answers." }),
  connections: z
    .object({
      max: figure("That the server allows.", 60),
      used: figure("By anybody.", 14),
      api: figure("By all instances of the API.", 6),
      api_active: figure("Of those, not idle.", 1),
    })
    .openapi({ description: "Of the whole database server." }),
  queue: z
    .object({
      pending: openSchema.openapi({ description: "Not accepted by Replicate yet." }),
      processing: openSchema.openapi({ description: "Being made, or stored." }),
      ended_last_hour: z
        .object({
          completed: figure("With a picture.", 120),
          failed: figure("Without one.", 1),
          canceled: figure("By their owners.", 2),
        })
        .openapi({ description: "How generations of the last hour ended." }),
    })
    .openapi({ description: "Generations." }),
  reconciler: z
    .object({
      status: z.enum(["healthy", "failing", "late", "never_ran"]).openapi({
        description: "`late`: it did not run for three minutes. `failing`: a job's last run failed.",
        example: "healthy",
      }),
      last_run_at: timestamp("When a job ran last.").nullable(),
      jobs: z.record(z.string(), jobSchema).openapi({
        description: "The last run of each job, by name.",
        example: {
          mail: { ran_at: "2026-11-24T09:00:00.123456Z", checked: 3, failed: 0, failing_since: null },
        },
      }),
    })
    .openapi({ description: "What finishes the work that requests and webhooks left behind." }),
  mail_outbox: waitingSchema
    .extend({ failing: figure("Of them, tried before in vain.", 0) })
    .openapi({ description: "Mail that is not sent yet." }),
  cleanup: waitingSchema.openapi({ description: "Files and predictions that are to be removed." }),
  replicate_token: z.enum(["accepted", "refused", "unknown"]).optional().openapi({
    description: "Whether Replicate takes the token; absent without one.",
    example: "accepted",
  }),
  settings: z.record(z.string(), z.union([z.string(), z.int(), z.boolean()])).openapi({
    description: "What this instance runs with. Of a secret only whether it is set.",
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
