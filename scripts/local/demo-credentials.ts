import { randomBytes, randomUUID } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import type postgres from "postgres";
import { createKey } from "../../supabase/functions/api/key.ts";
import { Problem } from "./problem.ts";
import { loopback, type Paths, type Ports } from "./settings.ts";

export type DemoCredentials = {
  operator_email: string;
  operator_key: string;
  developer_email: string;
  developer_password: string;
  developer_key: string;
  project_id: string;
  api_key: string;
};

const operatorEmail = "operator@cloud-api.test";
const developerEmail = "developer@cloud-api.test";
const keyName = "Demo";

/**
 * The accounts and keys of the demo. The first start creates them, later ones read them from the data folder and create what is
 * missing.
 */
export async function ensureDemoCredentials(
  sql: postgres.Sql,
  ports: Ports,
  paths: Paths,
  secretKey: string,
): Promise<DemoCredentials> {
  await assertEmbedded(sql, paths);
  const stored = readStored(paths.credentials);
  if (stored !== undefined && (await areKnown(sql, stored))) return stored;
  await ensureLocalPlan(sql);
  const operator_id = await ensureOperator(sql, ports, secretKey);
  const operator_key = await replaceKey(sql, "operator_keys", "user_id", operator_id);
  const developer = await ensureDeveloper(sql, ports, operator_key, secretKey);
  const credentials = { operator_email: operatorEmail, operator_key, ...developer };
  writeFileSync(paths.credentials, `${JSON.stringify(credentials, null, 2)}\n`, { mode: 0o600 });
  return credentials;
}

/** Demo keys must never get into somebody else's database. */
async function assertEmbedded(sql: postgres.Sql, paths: Paths): Promise<void> {
  const [row] = await sql`select current_setting('data_directory') as folder`;
  if (resolve(String(row?.folder)) !== resolve(paths.postgres)) {
    throw new Problem("Demo accounts are made in the embedded stack only, and this database is another one.");
  }
}

function readStored(file: string): DemoCredentials | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as DemoCredentials;
  } catch {
    return undefined;
  }
}

async function areKnown(sql: postgres.Sql, stored: DemoCredentials): Promise<boolean> {
  const hash = (key: string) => sql`sha256(convert_to(${key}, 'utf8'))`;
  const [row] = await sql`
    select
      exists (select from public.operator_keys where key_hash = ${hash(stored.operator_key)} and revoked_at is null)
      and exists (select from public.developer_keys where key_hash = ${hash(stored.developer_key)} and revoked_at is null)
      and exists (select from public.api_keys where key_hash = ${hash(stored.api_key)}
        and revoked_at is null and project_id = ${stored.project_id}) as known`;
  return row?.known === true;
}

/** On a developer's own machine no quota should get in the way, so new developers get a plan without limits. */
async function ensureLocalPlan(sql: postgres.Sql): Promise<void> {
  await sql.begin(async (transaction) => {
    await transaction`update public.plans set is_default = false where is_default and id <> 'local'`;
    await transaction`insert into public.plans (id, is_default) values ('local', true) on conflict (id) do nothing`;
    await transaction`update public.models set plan_ids = array_append(plan_ids, 'local')
      where plan_ids is not null and not 'local' = any (plan_ids)`;
  });
}

async function ensureOperator(sql: postgres.Sql, ports: Ports, secretKey: string): Promise<string> {
  const [found] = await sql<{ id: string }[]>`
    select id from public.users where role = 'operator' and email = ${operatorEmail}`;
  if (found !== undefined) return found.id;
  await sql`delete from auth.users where email = ${operatorEmail}`;
  const { id } = await call<{ id: string }>(ports, "/auth/v1/admin/users", {
    headers: { apikey: secretKey },
    body: { id: randomUUID(), email: operatorEmail, password: newPassword(), email_confirm: true },
  });
  await sql`
    insert into public.users (id, role, email, full_name, email_verified_at)
    values (${id}, 'operator', ${operatorEmail}, 'Demo operator', now())`;
  return id;
}

async function ensureDeveloper(sql: postgres.Sql, ports: Ports, operatorKey: string, secretKey: string) {
  const [found] = await sql<{ id: string; project_id: string | null }[]>`
    select id, (select projects.id from public.projects where owner_id = users.id order by created_at limit 1) as project_id
    from public.users where role = 'developer' and email = ${developerEmail}`;
  const developer_password = newPassword();
  if (found?.project_id) {
    await sql`select private.permit_password(${found.id}, null)`;
    await call(ports, `/auth/v1/admin/users/${found.id}`, {
      method: "PUT",
      headers: { apikey: secretKey },
      body: { password: developer_password },
    });
    return {
      developer_email: developerEmail,
      developer_password,
      developer_key: await replaceKey(sql, "developer_keys", "user_id", found.id),
      project_id: found.project_id,
      api_key: await replaceKey(sql, "api_keys", "project_id", found.project_id),
    };
  }
  const developer_email = found === undefined ? developerEmail : `developer-${Date.now()}@cloud-api.test`;
  const { provisioning } = await call<{
    provisioning: { project_id: string; developer_key: string; api_key: string };
  }>(ports, "/api/v1/auth/register", {
    headers: { "x-operator-key": operatorKey },
    body: { email: developer_email, password: developer_password, full_name: "Demo developer" },
  });
  return { developer_email, developer_password, ...provisioning };
}

/** A new key. Removes those of earlier starts, whose text is lost. */
async function replaceKey(
  sql: postgres.Sql,
  table: "operator_keys" | "developer_keys" | "api_keys",
  owner: "user_id" | "project_id",
  ownerId: string,
): Promise<string> {
  const { key, key_prefix, key_hash } = await createKey(table === "operator_keys" ? "ok" : "ak");
  await sql`delete from ${sql(`public.${table}`)} where name = ${keyName} and ${sql(owner)} = ${ownerId}`;
  const row = { [owner]: ownerId, name: keyName, key_prefix, key_hash: Buffer.from(key_hash, "hex") };
  await sql`insert into ${sql(`public.${table}`)} ${sql(row)}`;
  return key;
}

async function call<T>(
  ports: Ports,
  path: string,
  { method = "POST", headers, body }: { method?: string; headers: Record<string, string>; body: unknown },
): Promise<T> {
  const response = await fetch(`http://${loopback}:${ports.gateway}${path}`, {
    method,
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(30_000),
  });
  const text = await response.text();
  if (!response.ok) {
    throw new Problem(
      `The demo accounts could not be made: ${path} answered ${response.status} ${text.slice(0, 300)}`,
    );
  }
  return JSON.parse(text) as T;
}

function newPassword(): string {
  return `${randomBytes(12).toString("base64url")}aA1`;
}
