// Manages operators and their keys directly in the database, since whoever runs it has the database's password.
import postgres from "postgres";
import { isPostgresUrl, postgresUrlRule } from "../supabase/functions/api/is-postgres-url.ts";
import { portOf, readCommandLine, runMain } from "./local/command-line.ts";
import { keysOfPort } from "./local/keys.ts";
import { Problem } from "./local/problem.ts";
import { databaseUrl, defaultBasePort, portsFrom } from "./local/settings.ts";
import { createOperator, createOperatorKey, listOperators, revokeOperatorKey } from "./operator/operators.ts";
import { registerDeveloper } from "./operator/register-developer.ts";

const helpText = `Operators run the platform: they make developers and see every project.

  npm run operator -- create ada@example.com --name "Ada Lovelace"   an operator, with a first key
  npm run operator -- list                                           operators and their keys
  npm run operator -- key ada@example.com --label CI --days 90       another key, which expires after 90 days
  npm run operator -- revoke ok_Qx3vT                                revokes a key by prefix or id, at once
  npm run operator -- developer bob@example.com --url https://<ref>.supabase.co
                                                                     a developer with a project; prints the app's .env

\`developer\` asks the API, with the operator's key in CLOUD_API_OPERATOR_KEY. For the others the database is the
one of DATABASE_URL, else the local stack's (--port ${defaultBasePort}). A key is shown once. An operator who wants to log in as well asks for a
reset mail (POST /auth/request-password-reset) and sets a password.`;

const options = {
  name: { type: "string" },
  label: { type: "string" },
  days: { type: "string" },
  port: { type: "string" },
  url: { type: "string" },
} as const;
type Values = { [name in keyof typeof options]?: string };
type Work = (sql: postgres.Sql, subject: string, values: Values) => Promise<void>;

const commands: Record<string, Work> = {
  async create(sql, email, values) {
    const expires_at = expiry(values);
    await createOperator(sql, email, values.name ?? null);
    const key = await createOperatorKey(sql, email, values.label ?? null, expires_at);
    console.log(`${email} is an operator. The key, shown only now:\n${key}`);
  },
  async key(sql, email, values) {
    const key = await createOperatorKey(sql, email, values.label ?? null, expiry(values));
    console.log(`A new key of ${email}, shown only now:\n${key}`);
  },
  async revoke(sql, which) {
    console.log(`The key ${await revokeOperatorKey(sql, which)}… is revoked.`);
  },
  async list(sql) {
    for (const { email, full_name, is_active, keys } of await listOperators(sql)) {
      console.log([email, full_name, is_active ? "" : "(deactivated)"].filter(Boolean).join("  "));
      for (const { id, name, key_prefix, state } of keys)
        console.log(`  ${key_prefix}…  ${state.padEnd(8)}  ${id}  ${name ?? ""}`.trimEnd());
    }
  },
};

async function main(): Promise<void> {
  const { values, positionals } = readCommandLine("npm run operator", helpText, options, true);
  const [command, subject = ""] = positionals;
  if (command === undefined) throw new Problem(helpText);
  const work = Object.hasOwn(commands, command) ? commands[command] : undefined;
  if (work === undefined && command !== "developer")
    throw new Problem(`There is no command ${command}.\n\n${helpText}`);
  if (subject === "" && command !== "list")
    throw new Problem(`\`${command}\` needs an email address or a key.\n\n${helpText}`);
  if (work === undefined) return makeDeveloper(subject, values);
  const url = process.env.DATABASE_URL || localDatabase(portOf(values.port, defaultBasePort));
  if (!isPostgresUrl(url)) throw new Problem(`DATABASE_URL ${postgresUrlRule}.`);
  // Statements are not prepared, so that a transaction pooler works too.
  const sql = postgres(url, {
    max: 1,
    ssl: "prefer",
    prepare: false,
    onnotice: () => {},
    connect_timeout: 10,
  });
  try {
    await work(sql, subject, values);
  } catch (error) {
    throw explain(error);
  } finally {
    await sql.end({ timeout: 2 });
  }
}

async function makeDeveloper(email: string, { url, name }: Values): Promise<void> {
  if (url === undefined) throw new Problem("`developer` needs --url, such as https://<ref>.supabase.co.");
  const lines = await registerDeveloper(url, process.env.CLOUD_API_OPERATOR_KEY, email, name);
  console.error(
    `${email} is a developer with a project. The .env of the app, whose keys are shown only now:\n`,
  );
  console.log(lines.join("\n"));
  console.error("\nTo log in, ask for a reset mail (POST /auth/request-password-reset) and set a password.");
}

function localDatabase(port: number): string {
  try {
    return databaseUrl(portsFrom(port), keysOfPort(port).database_password);
  } catch (error) {
    throw new Problem(`${(error as Error).message} For another database set DATABASE_URL.`);
  }
}

function expiry({ days }: Values): Date | null {
  if (days === undefined) return null;
  if (Number(days) > 0 && Number(days) <= 3_650) return new Date(Date.now() + Number(days) * 86_400_000);
  throw new Problem(`--days ${days} is not usable: give 1 to 3650.`);
}

function explain(error: unknown): unknown {
  if (error instanceof Problem) return error;
  const { code, message } = error as { code?: string; message: string };
  return new Problem(
    code === "42P01" || code === "3F000"
      ? "This database does not have the schema of Cloud API yet: apply the migrations first (npx supabase db push --remote)."
      : `The database refused it: ${message}${code === undefined ? "" : ` (${code})`}`,
  );
}

await runMain(main, "The operator could not be made");
