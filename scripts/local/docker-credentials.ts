import { readFileSync, writeFileSync } from "node:fs";
import type postgres from "postgres";
import { createOperator, createOperatorKey } from "../operator/operators.ts";
import { registerDeveloper } from "../operator/register-developer.ts";
import type { BannerFacts } from "./banner.ts";
import { Problem } from "./problem.ts";

type Credentials = BannerFacts["credentials"];

const operatorEmail = "operator@cloud-api.test";

/** An operator, and a developer with a project: those of the last start if they are still valid, else new ones. */
export async function ensureDockerCredentials(
  sql: postgres.Sql,
  base: string,
  file: string,
): Promise<Credentials> {
  const kept = readCredentials(file);
  if (kept !== undefined && (await isGood(base, kept))) return kept;
  const [operator] =
    await sql`select 1 from public.users where role = 'operator' and email = ${operatorEmail}`;
  if (operator === undefined) await createOperator(sql, operatorEmail, "Demo operator");
  const operator_key = await createOperatorKey(sql, operatorEmail, "Demo", null);
  const email = `developer-${Date.now()}@cloud-api.test`;
  const lines = await registerDeveloper(base, operator_key, email, "Demo developer");
  const env = Object.fromEntries(lines.map((line) => line.split("=")));
  const credentials: Credentials = {
    operator_key,
    developer_key: env.DEVKIT4AI_DEVELOPER_KEY ?? "",
    project_id: env.DEVKIT4AI_PROJECT_ID ?? "",
    api_key: env.DEVKIT4AI_PROJECT_KEY ?? "",
  };
  writeFileSync(file, `${JSON.stringify(credentials, null, 2)}\n`, { mode: 0o600 });
  return credentials;
}

function readCredentials(file: string): Credentials | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Credentials;
  } catch {
    return undefined;
  }
}

async function isGood(base: string, { operator_key, project_id }: Credentials): Promise<boolean> {
  const response = await fetch(`${base}/api/v1/projects/${project_id}`, {
    headers: { "X-Operator-Key": operator_key },
    signal: AbortSignal.timeout(30_000),
  }).catch(() => {
    throw new Problem(`${base} stopped answering.`);
  });
  await response.arrayBuffer();
  return response.ok;
}
