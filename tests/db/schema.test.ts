import { randomUUID } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type postgres from "postgres";
import { afterAll, expect, inject, test } from "vitest";
import { ROOT } from "../../scripts/local/settings.ts";
import { schemaSnapshot } from "../support/schema-snapshot.ts";
import { admin, owner } from "../support/sql.ts";
import { withStockDatabase } from "../support/stock-database.ts";

const { database_url } = inject("stack");
// Any PostgreSQL from 15 on, as a role that may create databases and roles: STOCK_POSTGRES_URL. By default the stack's own server.
const server = process.env.STOCK_POSTGRES_URL || database_url || "";

afterAll(async () => {
  await Promise.all([owner.end(), admin.end()]);
});

test("the migrations give the schema of tests/db/schema.snapshot (`npm test -- db -u` writes it anew)", async () => {
  await expect(await schemaSnapshot(owner)).toMatchFileSnapshot("./schema.snapshot");
});

test("they give the same on a PostgreSQL that knows of Supabase only its roles, Auth's and Storage's tables", async () => {
  await withStockDatabase(server, async (stock) => {
    const folder = join(ROOT, "supabase/migrations");
    for (const file of readdirSync(folder).sort())
      await stock.unsafe(readFileSync(join(folder, file), "utf8"));
    expect(await schemaSnapshot(stock)).toBe(await schemaSnapshot(owner));
    await runOnce(stock);
  });
});

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
