import postgres from "postgres";
import { afterAll, inject } from "vitest";
import { createKey } from "../../supabase/functions/api/key.ts";
import { api, type Developer, type Headed } from "./api.ts";

const { database_url = "", urls, keys, credentials } = inject("stack");

/** Opens the database as the owner of the schema. It is closed after the test file. */
export function openDatabase(): postgres.Sql {
  const sql = postgres(database_url, { max: 4, onnotice: () => {} });
  afterAll(() => sql.end({ timeout: 2 }));
  return sql;
}

export const operatorHeaders: Headed = { "X-Operator-Key": credentials.operator_key ?? "" };

/** Creates a management key, which works without a token. @returns its headers */
export async function createManagementKey(sql: postgres.Sql, developer: Developer): Promise<Headed> {
  const { key, stored } = createKey("ak");
  const { key_prefix, key_hash } = stored;
  await sql`
    insert into public.developer_keys (user_id, name, key_prefix, key_hash, management)
    values (${developer.id}, 'Automation', ${key_prefix}, ${Buffer.from(key_hash, "hex")}, true)`;
  return { "X-Developer-Key": key };
}

/** Sets a developer's plan. Local developers begin with an unlimited plan. */
export async function putOnPlan(sql: postgres.Sql, developer: Developer, plan: string): Promise<void> {
  await sql`update public.users set plan_id = ${plan} where id = ${developer.id}`;
}

/** Runs the reconciler once, as the timer does each minute. */
export async function reconcile(): Promise<void> {
  const { status, body } = await api(`${urls.api}/internal/reconcile`, {
    method: "POST",
    headers: { Authorization: `Bearer ${keys.cron_secret}` },
  });
  if (status !== 200) throw new Error(`the reconciler answered ${status} ${JSON.stringify(body)}`);
}
