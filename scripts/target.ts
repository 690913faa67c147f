// Writes the target file of the suites for `supabase start`, from the output of `supabase status`.
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import postgres from "postgres";
import { localEnvFile, readEnvFile } from "./doctor/env-file.ts";
import { readCommandLine, runMain } from "./local/command-line.ts";
import { supabaseStatus } from "./local/docker.ts";
import { Problem } from "./local/problem.ts";
import { createOperator, createOperatorKey } from "./operator/operators.ts";

const helpText = `Writes a target for the suites, once \`npx supabase start\` runs.

  npm run target -- .local/target.json
  CLOUD_API_TARGET=.local/target.json npm test -- api

It asks \`supabase status\`, takes CRON_SECRET from supabase/functions/.env, and makes an operator with a key.
docs/testing-on-real-supabase.md lists all fields of the file, and says how to write one for a hosted project.`;

async function operatorKey(databaseUrl: string): Promise<string> {
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => {}, connect_timeout: 5 });
  const email = `suites-${Date.now()}@operators.test`;
  try {
    await createOperator(sql, email, "Suites");
    return await createOperatorKey(sql, email, "Suites", null);
  } finally {
    await sql.end({ timeout: 2 });
  }
}

async function main(): Promise<void> {
  const options = { settings: { type: "string", default: localEnvFile } } as const;
  const { values, positionals } = readCommandLine("npm run target", helpText, options, true);
  const [file] = positionals;
  if (file === undefined) throw new Problem(helpText);
  const cron_secret = readEnvFile(values.settings)?.CRON_SECRET;
  if (!cron_secret)
    throw new Problem(`${values.settings} has no CRON_SECRET: set one and start the stack again.`);
  const status = await supabaseStatus().catch(() => {
    throw new Problem("`supabase status` found no stack: run `npx supabase start` first.");
  });
  const { API_URL: url, DB_URL: database_url, ...keys } = status;
  const target = {
    url,
    database_url,
    publishable_key: keys.PUBLISHABLE_KEY ?? keys.ANON_KEY,
    secret_key: keys.SECRET_KEY ?? keys.SERVICE_ROLE_KEY,
    anon_key: keys.ANON_KEY,
    service_role_key: keys.SERVICE_ROLE_KEY,
    jwt_secret: keys.JWT_SECRET,
    cron_secret,
    operator_key: await operatorKey(database_url),
  };
  const path = resolve(file);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${JSON.stringify(target, null, 2)}\n`, { mode: 0o600 });
  console.log(`CLOUD_API_TARGET=${file} npm test -- api`);
}

await runMain(main, "The target could not be written");
