import postgres from "postgres";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCommand } from "../../scripts/local/run-command.ts";
import { type ReceivedMail, tokenOf } from "../support/mail.ts";
import { startTestStack, type TestStack } from "../support/stack.ts";
import { until } from "../support/until.ts";

let stack: TestStack;
let sql: postgres.Sql;

beforeAll(async () => {
  stack = await startTestStack();
  sql = postgres(stack.database_url, { max: 2, onnotice: () => {} });
});
afterAll(async () => {
  await sql?.end({ timeout: 2 });
  await stack?.stop();
});

/** Runs the developer's command. The CLI remembers a seed that it has loaded, so its memory is deleted first. */
async function seed(): Promise<void> {
  await sql`drop table if exists supabase_migrations.seed_files`;
  const { code, output } = await runCommand("supabase", [
    "db",
    "push",
    "--include-seed",
    "--yes",
    `--remote=${stack.database_url}?sslmode=disable`,
  ]);
  expect(output).toContain("seed.sql");
  expect([code, output]).toEqual([0, output]);
}

const counts = async () => {
  const [row] = await sql`
    select (select count(*)::integer from public.users where email like '%@example.com') as people,
      (select count(*)::integer from auth.identities i join public.users u on u.id = i.user_id
        where u.email like '%@example.com') as identities,
      (select count(*)::integer from public.projects where id::text like 'b0000000%') as projects,
      (select count(*)::integer from public.api_keys where id::text like 'd0000000%') as api_keys,
      (select count(*)::integer from public.generations where project_id::text like 'b0000000%') as generations`;
  return row;
};

test("the CLI loads the seed twice without duplicates, and every report view shows its rows", async () => {
  await seed();
  const first = await counts();
  expect(first).toMatchObject({ people: 11, identities: 11, projects: 3, api_keys: 5 });
  expect(first?.generations).toBeGreaterThan(20);
  await seed();
  expect(await counts()).toEqual(first);

  const projects = await sql`
    select name, owner_email, plan_id, state, users, active_api_keys from reports.projects_overview where id::text like 'b0000000%' order by id`;
  expect(projects).toEqual([
    {
      name: "Postcards",
      owner_email: "mara.lindqvist@example.com",
      plan_id: "starter",
      state: "active",
      users: "4",
      active_api_keys: "1",
    },
    {
      name: "Avatars",
      owner_email: "mara.lindqvist@example.com",
      plan_id: "premium",
      state: "active",
      users: "3",
      active_api_keys: "1",
    },
    {
      name: "Tiles",
      owner_email: "jonas.becker@example.com",
      plan_id: "free",
      state: "active",
      users: "2",
      active_api_keys: "1",
    },
  ]);
  const views = await sql<{ view: string }[]>`
    select viewname as view from pg_catalog.pg_views where schemaname = 'reports' order by viewname`;
  expect(views.map(({ view }) => view)).toEqual([
    "developers",
    "failures_per_day",
    "generations_per_day",
    "keys",
    "projects_overview",
    "recent_changes",
  ]);
  for (const { view } of views) {
    const rows = await sql`select * from ${sql(`reports.${view}`)}`;
    expect([view, rows.length > 0]).toEqual([view, true]);
  }
});

test("a seeded account cannot log in until its password is reset by mail", async () => {
  const call = (path: string, json: unknown) =>
    fetch(`${stack.urls.api}${path}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(json),
    });
  const who = { email: "mara.lindqvist@example.com", password: "Correct-horse-9" };
  expect((await call("/auth/login", who)).status).toBe(401);
  expect((await call("/auth/request-password-reset", { email: who.email })).status).toBe(200);
  const mail = await until("the mail with the reset link arrives", async () => {
    const mails = (await (await fetch(`${stack.urls.inbox}/api/email`)).json()) as ReceivedMail[];
    return mails.find(
      ({ to, text }) => text.includes("token=") && to.some(({ address }) => address === who.email),
    );
  });
  const reset = await call("/auth/reset-password", { token: tokenOf(mail), password: who.password });
  expect(reset.status).toBe(200);
  const login = await call("/auth/login", who);
  expect(login.status).toBe(200);
  const { access_token } = (await login.json()) as { access_token: string };
  const stats = await fetch(`${stack.urls.api}/projects/stats`, {
    headers: { Authorization: `Bearer ${access_token}` },
  });
  expect(await stats.json()).toMatchObject({
    projects: { total: 2, active: 2 },
    users: { total: 7, active: 6 },
    api_keys: { total: 4, active: 2 },
  });
});

test("client roles and the REST API cannot read the report views", async () => {
  for (const role of ["anon", "authenticated"]) {
    const attempt = sql.begin(async (tx) => {
      await tx.unsafe(`set local role ${role}`);
      await tx`select * from reports.projects_overview`;
    });
    await expect(attempt).rejects.toMatchObject({ code: "42501" });
  }
  const answer = await fetch(`${stack.urls.gateway}/rest/v1/projects?select=id`, {
    headers: { apikey: stack.keys.secret, "Accept-Profile": "reports" },
  });
  expect(answer.status).toBeGreaterThanOrEqual(400);
});
