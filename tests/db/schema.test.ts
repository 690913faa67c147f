import { randomUUID } from "node:crypto";
import type postgres from "postgres";
import { describe, expect, inject, test } from "vitest";
import { baseline, isReleased, migrationTexts, schemaTexts } from "../../scripts/schema/baseline.ts";
import { schemaDifference } from "../../scripts/schema/schema-difference.ts";
import { withStockDatabase } from "../../scripts/schema/stock-database.ts";
import { schemaFacts, seededRows } from "../support/schema-facts.ts";
import { owner } from "../support/sql.ts";

const { database_url } = inject("stack");
// STOCK_POSTGRES_URL may name any PostgreSQL from 15 on, with a role that may create databases and roles.
const server = process.env.STOCK_POSTGRES_URL || database_url || "";

/** The schema and rows after the texts ran in a database with only the roles and tables of Supabase. */
function made(texts: string[]): Promise<{ facts: string[]; rows: string[] }> {
  return withStockDatabase(server, async (sql) => {
    for (const text of texts) await sql.unsafe(text);
    return { facts: await schemaFacts(sql), rows: await seededRows(sql) };
  });
}

/** The handwritten migrations, which insert rows. */
const dataTexts = () => migrationTexts().filter((text) => /^insert into /m.test(text) && text !== baseline());

let declaring: ReturnType<typeof made> | undefined;
/** The schema and rows of supabase/schemas and the data migrations. Several tests compare with it, so it is made once. */
const declare = () => {
  declaring ??= made([...schemaTexts(), ...dataTexts()]);
  return declaring;
};

const differences = (one: string[], other: string[]) => [
  ...one.filter((line) => !other.includes(line)),
  ...other.filter((line) => !one.includes(line)),
];

test("the migrations and supabase/schemas make the same schema and rows; after a change: npm run generate", async () => {
  const [migrated, declared] = [await made(migrationTexts()), await declare()];
  expect(declared.facts.length).toBeGreaterThan(500);
  expect(declared.rows.length).toBeGreaterThan(10);
  expect(differences(migrated.facts, declared.facts)).toEqual([]);
  expect(differences(migrated.rows, declared.rows)).toEqual([]);
});

test("the stack has the schema of supabase/schemas", async () => {
  expect(differences((await declare()).facts, await schemaFacts(owner))).toEqual([]);
});

test("a registration and a generation work on a stock PostgreSQL after the migrations", async () => {
  await withStockDatabase(server, async (stock) => {
    for (const text of migrationTexts()) await stock.unsafe(text);
    await runOnce(stock);
  });
});

describe("after a release", () => {
  test("a version heading in the changelog counts as a release", () => {
    expect(isReleased("# Changelog\n\n## Unreleased\n")).toBe(false);
    expect(isReleased("# Changelog\n\n## Unreleased\n\n## [1.0.0] - 2027-01-01\n")).toBe(true);
    expect(isReleased("## 0.2.0\n")).toBe(true);
  });

  test("after a release, a changed function, column, policy and grant become a migration with exactly these changes", async () => {
    const changed = [...schemaTexts(), change];
    const migration = await schemaDifference(server, migrationTexts(), changed);
    expect(migration.match(/^(CREATE|ALTER|DROP|GRANT|COMMENT)/gm)?.length).toBeLessThan(12);
    const [migrated, declared] = [await made([...migrationTexts(), migration]), await made(changed)];
    expect(differences(declared.facts, (await declare()).facts).length).toBeGreaterThan(4);
    expect(differences(migrated.facts, declared.facts)).toEqual([]);
  });

  test("after a release, unchanged schemas make an empty migration", async () => {
    expect((await schemaDifference(server, migrationTexts(), schemaTexts())).trim()).toBe("");
  });
});

const change = `
  create or replace function private.actor_id() returns uuid language plpgsql stable set search_path = '' as $$
  begin
    return nullif(current_setting('app.user_id', true), '')::uuid;
  end $$;
  alter table public.projects add column colour text constraint projects_colour_length check (length(colour) <= 9);
  comment on column public.projects.colour is 'For a list of them.';
  alter policy projects_select_owner on public.projects
    using (owner_id = (select private.actor_id()) and deleted_at is null and is_active);
  grant select (id) on public.plans to authenticated`;

/** PostgreSQL checks the bodies of functions only when they run. This runs a registration and a generation. */
async function runOnce(sql: postgres.Sql): Promise<void> {
  const hash = (text: string) => Buffer.from(text.padEnd(32, "x")).toString("hex");
  const json = (value: unknown) => sql.json(value as never);
  const ids = { operator: randomUUID(), developer: randomUUID(), user: randomUUID(), session: randomUUID() };
  await sql`insert into auth.users (id) values (${ids.operator}), (${ids.developer}), (${ids.user})`;
  await sql`insert into public.users (id, role, email) values (${ids.operator}, 'operator', 'o@example.com')`;
  await sql`insert into public.operator_keys (user_id, key_prefix, key_hash)
    values (${ids.operator}, 'ok_stock', ${Buffer.from("o".padEnd(32, "x"))})`;
  const key = (text: string) => ({ key_prefix: "ak_stock", key_hash: hash(text) });
  const account = { id: ids.developer, email: "d@example.com", developer_key: key("d"), api_key: key("a") };
  const request = { ip: "192.0.2.1", user_agent: "stock", request_id: "stock" };
  const [made] = await sql`
    select private.create_account(${json({ operator_key_hash: hash("o"), ...request })}, ${json(account)}) as answer`;
  const project_id = made?.answer.provisioned_project_id;
  const keys = { developer_key_hash: hash("d"), api_key_hash: hash("a"), project_id, ...request };
  const person = { id: ids.user, email: "u@example.com" };
  await sql`select private.create_account(${json(keys)}, ${json(person)})`;
  await sql`insert into auth.sessions (id, user_id) values (${ids.session}, ${ids.user})`;
  const credentials = { ...keys, user_id: ids.user, session_id: ids.session };
  const generation = { id: randomUUID(), instructions: "A lighthouse", model: "owner/model" };
  const [created] =
    await sql`select private.create_generation(${json(credentials)}, ${json(generation)}) as answer`;
  expect(created?.answer).toMatchObject({ id: generation.id, status: "pending" });
}
