import postgres from "postgres";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { claimsOf, rolledBack, type Tx } from "../support/sql.ts";
import { credentialsOf, endUserCredentials, makeWorld, type World } from "../support/world.ts";

const modes = ["force_custom_plan", "force_generic_plan"];
// These tables grow with the tenants and their use, so a sequential scan of one is a defect.
const big = [
  "users",
  "projects",
  "generations",
  "generation_usage",
  "api_keys",
  "developer_keys",
  "sessions",
];

const { admin_database_url } = inject("stack");
let world: World;
let plans: string[] = [];
const plansOf = new Map<string, string[]>();
/** A connection of a superuser that receives the plan of each statement, inside functions too. */
const watched = postgres(admin_database_url ?? "", {
  max: 1,
  onnotice: ({ message }) => {
    if (message?.includes("Query Text:")) plans.push(message);
  },
});

beforeAll(async () => {
  world = await makeWorld();
  await rolledBack(async (tx) => {
    await seed(tx);
    await watch(tx);
    for (const mode of modes) {
      await tx`select set_config('plan_cache_mode', ${mode}, true)`;
      for (const [name, work] of [...hot, unindexed]) await observe(tx, `${name}, ${mode}`, work);
    }
  }, watched);
});

afterAll(async () => {
  await watched.end();
});

/** Adds 20,000 generations of 2,000 users in 2,000 projects to the tenants of the world. */
async function seed(tx: Tx): Promise<void> {
  await tx`set local session_replication_role = replica`;
  await tx.unsafe(`
    create temporary table seeded on commit drop as select gen_random_uuid() as id, n from generate_series(1, 4000) n;
    insert into auth.users (id, email) select id, id || '@seeded.invalid' from seeded;
    insert into public.users (id, role, plan_id, email)
      select id, 'developer', 'free', id || '@seeded.invalid' from seeded where n <= 2000;
    insert into public.projects (id, owner_id, name) select id, id, 'Seeded' from seeded where n <= 2000;
    insert into public.users (id, role, project_id, email)
      select s.id, 'end_user', p.id, s.id || '@seeded.invalid' from seeded s join seeded p on p.n = 1 + s.n % 2000 where s.n > 2000;
    insert into auth.sessions (id, user_id, not_after) select gen_random_uuid(), id, now() + interval '1 day' from seeded;
    insert into public.api_keys (project_id, key_prefix, key_hash)
      select p.id, 'ak_seeds', sha256((p.id || '/' || k)::bytea) from public.projects p, generate_series(1, 3) k;
    insert into public.developer_keys (user_id, key_prefix, key_hash)
      select id, 'ak_seeds', sha256((id || '/d')::bytea) from seeded;
    insert into public.generation_usage (project_id, month, generations)
      select p.id, date '2020-01-01' + make_interval(months => m), 1 from public.projects p, generate_series(0, 5) m
      on conflict do nothing;
    insert into public.generations (id, project_id, user_id, instructions, model, charge, charged_month, status, outputs, completed_at)
      select gen_random_uuid(), u.project_id, u.id, 'x', 'm', 'committed', '2026-01-01', 'completed', '[1]', now()
      from public.users u, generate_series(1, 10) where u.role = 'end_user' and u.email like '%@seeded.invalid';
    analyze auth.sessions; analyze public.users; analyze public.projects; analyze public.generations;
    analyze public.generation_usage; analyze public.api_keys; analyze public.developer_keys`);
  await tx`set local session_replication_role = origin`;
}

async function watch(tx: Tx): Promise<void> {
  await tx`load 'auto_explain'`;
  await tx`select set_config(name, value, true) from (values
    ('auto_explain.log_min_duration', '0'), ('auto_explain.log_nested_statements', 'on'),
    ('auto_explain.log_level', 'notice'), ('client_min_messages', 'notice')) as setting (name, value)`;
}

/** Stores the plans of all statements of `work`, functions and policies included. */
async function observe(tx: Tx, name: string, work: (tx: Tx) => Promise<unknown>): Promise<void> {
  const rollback = new Error("rollback");
  plans = [];
  const run = async (nested: Tx) => {
    await work(nested);
    throw rollback;
  };
  await tx.savepoint(run).catch((error: unknown) => {
    if (error !== rollback) throw error;
  });
  plansOf.set(name, plans);
}

const asUser = (token: string, text: string) => async (tx: Tx) => {
  await tx`select set_config('role', 'authenticated', true),
    set_config('request.jwt.claims', ${JSON.stringify(claimsOf(token))}, true)`;
  await tx.unsafe(text);
};

const json = (tx: Tx, value: unknown) => tx.json(value as never);

const manager = () => credentialsOf({ token: world.a.developer.token });

const hot: [string, (tx: Tx) => Promise<unknown>][] = [
  [
    "authorize of an end user",
    (tx) => tx`select private.authorize(${json(tx, endUserCredentials(world.a))}, 'generation')`,
  ],
  ["authorize of a developer", (tx) => tx`select private.authorize(${json(tx, manager())}, 'projects')`],
  [
    "creating a generation",
    (tx) => {
      const generation = { id: crypto.randomUUID(), instructions: "x", model: "m" };
      return tx`select private.create_generation(${json(tx, endUserCredentials(world.a))}, ${json(tx, generation)})`;
    },
  ],
  [
    "the status of a generation",
    async (tx) => {
      const [row] = await tx`select id from public.generations where user_id = ${world.a.user.id}`;
      return tx`select private.get_generation_status(${json(tx, endUserCredentials(world.a))}, ${row?.id})`;
    },
  ],
  [
    "the projects of a developer",
    (tx) => tx`select private.list_projects(${json(tx, manager())}, null, null, 1, 20)`,
  ],
  [
    "the keys of a project",
    (tx) => tx`select private.list_api_keys(${json(tx, manager())}, ${world.a.project_id})`,
  ],
  [
    "the users of a project",
    (tx) => tx`
    select private.list_project_users(${json(tx, manager())}, ${world.a.project_id}, null, null, 1, 20)`,
  ],
  [
    "the statistics of a project",
    (tx) => tx`
    select private.get_project_stats(${json(tx, manager())}, ${world.a.project_id}, null, null)`,
  ],
  [
    "a batch of used keys",
    (tx) => {
      const key_hash = endUserCredentials(world.a).api_key_hash;
      const day = new Date().toISOString();
      const used = { kind: "api_key", key_hash, day, used_at: day, requests: 1, errors: 0 };
      return tx`select private.record_key_usage(${json(tx, [used])})`;
    },
  ],
  [
    "a login",
    (tx) => {
      const { project_id } = world.a;
      const { developer_key } = world.a.developer.project;
      return tx`select private.begin_login(${json(tx, credentialsOf({ project_id, developer_key }))}, ${world.a.user.email}, '192.0.2.1')`;
    },
  ],
  [
    "the published pictures of all projects",
    (tx) => tx`select private.list_public_generations(${json(tx, {})}, 1, 20, null, null)`,
  ],
  ["the reconciler's claim of due generations", (tx) => tx`select private.claim_due_generations(50)`],
  ["a user's own account by policy", (tx) => asUser(world.a.user.token, "select id from public.users")(tx)],
  [
    "a user's generations by policy",
    (tx) => asUser(world.a.user.token, "select id from public.generations")(tx),
  ],
  [
    "a developer's users by policy",
    (tx) => asUser(world.a.developer.token, "select id from public.users")(tx),
  ],
  [
    "a developer's generations by policy",
    (tx) => asUser(world.a.developer.token, "select id from public.generations")(tx),
  ],
  [
    "a developer's projects by policy",
    (tx) => asUser(world.a.developer.token, "select id from public.projects")(tx),
  ],
  [
    "a developer's keys by policy",
    (tx) => asUser(world.a.developer.token, "select id from public.api_keys")(tx),
  ],
  [
    "a developer's usage by policy",
    (tx) => asUser(world.a.developer.token, "select project_id from public.generation_usage")(tx),
  ],
];

const unindexed: (typeof hot)[number] = [
  "a statement that no index serves",
  (tx) => tx`select count(*) from public.generations where instructions = 'y'`,
];

test.each(hot.flatMap(([name]) => modes.map((mode) => `${name}, ${mode}`)))(
  "the plan has no sequential scan of a big table for %s",
  (name) => {
    const found = plansOf.get(name) ?? [];
    expect(found.filter((plan) => new RegExp(`Seq Scan on (${big.join("|")})\\b`).test(plan))).toEqual([]);
    expect(found.some((plan) => /Index(?: Only)? Scan/.test(plan))).toBe(true);
  },
);

test.each(modes)("the test detects a sequential scan with %s", (mode) => {
  const found = plansOf.get(`${unindexed[0]}, ${mode}`) ?? [];
  expect(found.some((plan) => plan.includes("Seq Scan on generations"))).toBe(true);
});
