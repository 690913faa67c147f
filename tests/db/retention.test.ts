import { randomBytes, randomUUID } from "node:crypto";
import { beforeAll, describe, expect, test } from "vitest";
import { parseEnv } from "../../supabase/functions/api/env.ts";
import { retentionOf } from "../../supabase/functions/api/jobs/remove-old.ts";
import { reconcile } from "../support/management.ts";
import { admin, owner, rolledBack } from "../support/sql.ts";
import { until } from "../support/until.ts";
import { makeWorld, type World } from "../support/world.ts";

const env = parseEnv({
  SUPABASE_URL: "http://127.0.0.1:9",
  SUPABASE_SERVICE_ROLE_KEY: "not used",
  DATABASE_URL: "postgresql://not-used",
});
type Kind = keyof ReturnType<typeof retentionOf>;
const kinds = Object.entries(retentionOf(env)) as [Kind, number][];

let world: World;
beforeAll(async () => {
  world = await makeWorld();
});
/** For each kind: its table, the column that identifies a row, and an insert of a row with this name and age. */
const rows: Record<Kind, { table: string; name: string; insert: (name: string, at: string) => string }> = {
  rate_limits: {
    table: "private.rate_limits",
    name: "bucket",
    insert: (name, at) => `(bucket, used, resets_at) values ('${name}', 1, ${at})`,
  },
  auth_attempts: {
    table: "private.auth_attempts",
    name: "bucket",
    insert: (name, at) => `(bucket, level, drained_at) values ('${name}', 1, ${at})`,
  },
  mail_tokens: {
    table: "private.mail_tokens",
    name: "encode(digest, 'hex')",
    insert: (name, at) => `(digest, user_id, purpose, email, expires_at)
      values (decode('${name}', 'hex'), '${world.a.user.id}', 'verification', 'ada@example.com', ${at})`,
  },
  email_changes: {
    table: "private.email_changes",
    name: "email",
    insert: (name, at) => `(user_id, email, expires_at) select id, '${name}', ${at} from public.users
      where id not in (select user_id from private.email_changes) limit 1`,
  },
  project_transfers: {
    table: "public.project_transfers",
    name: "email",
    insert: (name, at) => `(project_id, owner_id, email, expires_at) select id, owner_id, '${name}', ${at}
      from public.projects where id not in (select project_id from public.project_transfers) limit 1`,
  },
  password_permits: {
    table: "private.password_permits",
    name: "keep_session_id::text",
    insert: (name, at) => `(user_id, keep_session_id, expires_at)
      select id, '${name}', ${at} from public.users
      where id not in (select user_id from private.password_permits) limit 1`,
  },
  anonymous_generations: {
    table: "public.generations",
    name: "id::text",
    insert: (name, at) => `(id, instructions, model, charge, charged_month, next_check_at, expires_at)
      values ('${name}', 'Old', 'test/none', 'reserved', current_date, 'infinity', ${at})`,
  },
  anonymous_usage: {
    table: "private.anonymous_usage",
    name: "client",
    insert: (name, at) => `(day, client) values ((${at} at time zone 'utc')::date, '${name}')`,
  },
  user_usage: {
    table: "private.user_usage",
    name: "generations::text",
    insert: (name, at) => `(user_id, day, generations)
      values ('${world.a.user.id}', (${at} at time zone 'utc')::date, '${name}'::integer)`,
  },
  uploads: {
    table: "public.uploads",
    name: "path",
    insert: (name, at) => `(project_id, user_id, path, created_at)
      values ('${world.a.project_id}', '${world.a.user.id}', '${name}', ${at})`,
  },
  idempotency_keys: {
    table: "private.idempotency_keys",
    name: "key",
    insert: (name, at) => `(caller, operation, key, fingerprint, generation_id, locked_until, created_at)
      values ('test', 'test', '${name}', 'x', gen_random_uuid(), ${at}, ${at})`,
  },
  webhook_deliveries: {
    table: "public.generation_events",
    name: "webhook_id",
    insert: (name, at) => `(generation_id, kind, webhook_id, created_at)
      select id, 'webhook', '${name}', ${at} from public.generations where project_id = '${world.a.project_id}' limit 1`,
  },
  generation_events: {
    table: "public.generation_events",
    name: "kind",
    insert: (name, at) => `(generation_id, kind, created_at)
      select id, '${name}', ${at} from public.generations where project_id = '${world.a.project_id}' limit 1`,
  },
  mail: {
    table: "private.mail_outbox",
    name: "details ->> 'name'",
    insert: (name, at) => `(kind, details, next_attempt_at, created_at)
      values ('key_created', jsonb_build_object('name', '${name}'), 'infinity', ${at})`,
  },
  webhook_log: {
    table: "public.webhook_deliveries",
    name: "error",
    insert: (name, at) => `(webhook_id, project_id, event, subject_id, error, occurred_at, next_attempt_at)
      select id, project_id, 'test', gen_random_uuid(), '${name}', ${at}, 'infinity'
      from public.webhooks where project_id = '${world.a.project_id}' limit 1`,
  },
  key_usage: {
    table: "public.key_usage",
    name: "requests::text",
    insert: (name, at) => `(api_key_id, day, requests)
      select id, (${at} at time zone 'utc')::date, '${name}'::integer from public.api_keys where project_id = '${world.a.project_id}' limit 1`,
  },
  audit_events: {
    table: "public.audit_events",
    name: "resource_id",
    insert: (name, at) => `(resource, resource_id, action, actor_role, occurred_at)
      values ('plan', '${name}', 'update', 'system', ${at})`,
  },
};

function nameFor(kind: Kind): string {
  if (kind === "key_usage" || kind === "user_usage") return String(Math.floor(Math.random() * 2_000_000_000));
  return kind === "mail_tokens" ? randomBytes(32).toString("hex") : randomUUID();
}

describe("expired rows", () => {
  test.each(kinds)(
    "retention of %s deletes rows older than %d seconds and keeps younger ones",
    async (kind, keepSeconds) => {
      const { table, name, insert } = rows[kind];
      const [old, young, day] = [nameFor(kind), nameFor(kind), 86_400];
      const left = await rolledBack(async (tx) => {
        const at = (age: number) => `(now() - make_interval(secs => ${age}))`;
        await tx.unsafe(`insert into ${table} ${insert(old, at(keepSeconds + 2 * day))}`);
        await tx.unsafe(`insert into ${table} ${insert(young, at(keepSeconds - 600))}`);
        await tx`select private.remove_old(${kind}, ${keepSeconds}, 1000000)`;
        await tx`reset role`;
        return tx.unsafe(`select ${name} as name from ${table} where ${name} in ('${old}', '${young}')`);
      });
      expect(left.map((row) => row.name)).toEqual([young]);
    },
  );
});

test.each(kinds)("retention of %s deletes at most one batch", async (kind, keepSeconds) => {
  const { table, insert } = rows[kind];
  const removed = await rolledBack(async (tx) => {
    for (let age = 0; age < 3; age++) {
      const at = `(now() - make_interval(secs => ${keepSeconds + (3 + age) * 86_400}))`;
      await tx.unsafe(`insert into ${table} ${insert(nameFor(kind), at)}`);
    }
    const [row] = await tx`select private.remove_old(${kind}, ${keepSeconds}, 2) as removed`;
    return row?.removed;
  });
  expect(removed).toBe(2);
});

test("retention keeps a rate limit counter whose next window begins during the deletion", async () => {
  const bucket = `test:${randomUUID()}`;
  await owner`insert into private.rate_limits (bucket, used, resets_at) values (${bucket}, 9, now() - interval '2 hours')`;
  const removal = await owner.begin(async (tx) => {
    await tx`select private.count_request(${`test|${bucket}|10|60`})`;
    const [holder] = await tx`select pg_backend_pid() as pid`;
    const started = owner`select private.remove_old('rate_limits', 3600, 1000000)`.execute();
    const blocked = () =>
      admin`select from pg_stat_activity where ${holder?.pid}::int = any (pg_blocking_pids(pid))`;
    await until("the removal waits for the row", blocked, ({ length }) => length > 0);
    return { started };
  });
  await removal.started;
  const [row] = await owner`delete from private.rate_limits where bucket = ${bucket} returning used`;
  expect(row?.used).toBe(1);
});

test("one run of the reconciler deletes more than one batch of expired rows", async () => {
  const purpose = `test:${randomUUID()}`;
  await owner`insert into private.rate_limits (bucket, used, resets_at)
    select ${purpose} || n, 1, now() - interval '2 hours' from generate_series(1, 1200) n`;
  await reconcile();
  expect(await owner`select from private.rate_limits where bucket like ${`${purpose}%`}`).toHaveLength(0);
});
