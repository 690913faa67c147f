import { randomUUID } from "node:crypto";
import type postgres from "postgres";
import { afterAll, describe, expect, inject, test } from "vitest";
import { baseline, isReleased, migrationTexts, schemaTexts } from "../../scripts/schema/baseline.ts";
import { schemaDifference } from "../../scripts/schema/schema-difference.ts";
import { withStockDatabase } from "../../scripts/schema/stock-database.ts";
import { schemaFacts, seededRows } from "../support/schema-facts.ts";
import { admin, owner } from "../support/sql.ts";

const { database_url } = inject("stack");
// Any PostgreSQL from 15 on, as a role that may create databases and roles: STOCK_POSTGRES_URL. By default the stack's own server.
const server = process.env.STOCK_POSTGRES_URL || database_url || "";

afterAll(async () => {
  await Promise.all([owner.end(), admin.end()]);
});

/** What the texts make of a database that knows of Supabase only its roles, Auth's and Storage's tables. */
function made(texts: string[]): Promise<{ facts: string[]; rows: string[] }> {
  return withStockDatabase(server, async (sql) => {
    for (const text of texts) await sql.unsafe(text);
    return { facts: await schemaFacts(sql), rows: await seededRows(sql) };
  });
}

/** The migrations that hold rows: they are written by hand. */
const dataTexts = () => migrationTexts().filter((text) => /^insert into /m.test(text) && text !== baseline());

const differences = (one: string[], other: string[]) => [
  ...one.filter((line) => !other.includes(line)),
  ...other.filter((line) => !one.includes(line)),
];

test("the migrations and supabase/schemas give the same schema and rows; where not, `npm run generate`", async () => {
  const [migrated, declared] = [await made(migrationTexts()), await made([...schemaTexts(), ...dataTexts()])];
  expect(declared.facts.length).toBeGreaterThan(500);
  expect(declared.rows.length).toBeGreaterThan(10);
  expect(differences(migrated.facts, declared.facts)).toEqual([]);
  expect(differences(migrated.rows, declared.rows)).toEqual([]);
});

test("the stack has this schema too", async () => {
  expect(differences((await made(schemaTexts())).facts, await schemaFacts(owner))).toEqual([]);
});

test("keys go in and a generation comes out on such a database", async () => {
  await withStockDatabase(server, async (stock) => {
    for (const text of migrationTexts()) await stock.unsafe(text);
    await runOnce(stock);
  });
});

describe("after a release", () => {
  test("the changelog says whether there was one", () => {
    expect(isReleased("# Changelog\n\n## Unreleased\n")).toBe(false);
    expect(isReleased("# Changelog\n\n## Unreleased\n\n## [1.0.0] - 2027-01-01\n")).toBe(true);
    expect(isReleased("## 0.2.0\n")).toBe(true);
  });

  test("a changed function, column, policy and grant become a migration that makes exactly them", async () => {
    const changed = [...schemaTexts(), change];
    const migration = await schemaDifference(server, migrationTexts(), changed);
    expect(migration.match(/^(CREATE|ALTER|DROP|GRANT|COMMENT)/gm)?.length).toBeLessThan(12);
    const [migrated, declared] = [await made([...migrationTexts(), migration]), await made(changed)];
    expect(differences(declared.facts, (await made(schemaTexts())).facts).length).toBeGreaterThan(4);
    expect(differences(migrated.facts, declared.facts)).toEqual([]);
  });

  test("schemas that have not changed make none", async () => {
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

/** The bodies of functions are read only when they run: a registration and a generation, from keys to the quota. */
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
