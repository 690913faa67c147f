import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import type postgres from "postgres";
import { ApiError, createClient } from "../../packages/client/src/index.ts";
import { createOperator, createOperatorKey } from "../operator/operators.ts";
import { Problem, reasonOf } from "./problem.ts";

export type DemoCredentials = {
  operator_email: string;
  operator_key: string;
  developer_email: string;
  developer_password: string;
  developer_key: string;
  project_id: string;
  api_key: string;
};

const operator_email = "operator@cloud-api.test";

/**
 * An operator, and a developer with a project. The first start creates them. Later starts read them from the file, and
 * create new ones if they are no longer valid.
 */
export async function ensureDemoCredentials(
  sql: postgres.Sql,
  url: string,
  file: string,
): Promise<DemoCredentials> {
  const stored = readCredentials(file);
  if (stored !== undefined && (await areKnown(sql, stored))) return stored;
  await ensureLocalPlan(sql);
  const [operator] =
    await sql`select from public.users where role = 'operator' and email = ${operator_email}`;
  if (operator === undefined) await createOperator(sql, operator_email, "Demo operator");
  const operator_key = await createOperatorKey(sql, operator_email, "Demo", null);
  const credentials = { operator_email, operator_key, ...(await registerDeveloper(url, operator_key)) };
  writeFileSync(file, `${JSON.stringify(credentials, null, 2)}\n`, { mode: 0o600 });
  return credentials;
}

/** The credentials of a data folder. Undefined before its first start. */
export function readCredentials(file: string): DemoCredentials | undefined {
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

/** Registers the developer, with another address if the usual one already has an account. */
async function registerDeveloper(url: string, operatorKey: string) {
  const { auth } = createClient({ url, operatorKey });
  const developer_password = `${randomBytes(12).toString("base64url")}aA1`;
  const register = async (email: string) => {
    const { provisioning } = await auth.register({
      email,
      password: developer_password,
      full_name: "Demo developer",
    });
    if (provisioning === null) throw new Error("the developer got no project");
    const { developer_key, project_id, api_key } = provisioning;
    return { developer_email: email, developer_password, developer_key, project_id, api_key };
  };
  try {
    return await register("developer@cloud-api.test").catch((error: unknown) => {
      if (!(error instanceof ApiError) || error.code !== "account_exists") throw error;
      return register(`developer-${Date.now()}@cloud-api.test`);
    });
  } catch (error) {
    throw new Problem(`The demo accounts could not be made: ${reasonOf(error)}`);
  }
}

/** Creates a plan without limits for new developers, since quotas would only disturb on a local machine. */
async function ensureLocalPlan(sql: postgres.Sql): Promise<void> {
  await sql.begin(async (transaction) => {
    await transaction`update public.plans set is_default = false where is_default and id <> 'local'`;
    await transaction`insert into public.plans (id, is_default) values ('local', true) on conflict (id) do nothing`;
    await transaction`update public.models set plan_ids = array_append(plan_ids, 'local')
      where plan_ids is not null and not 'local' = any (plan_ids)`;
  });
}
