// Manages operators and their keys directly in the database, because its user has the password anyway.
import postgres from "postgres";
import { readCommandLine } from "./local/command-line.ts";
import { keysOfPort } from "./local/keys.ts";
import { Problem } from "./local/problem.ts";
import { databaseUrl, defaultBasePort, portsFrom } from "./local/settings.ts";
import { createOperator, createOperatorKey, listOperators, revokeOperatorKey } from "./operator/operators.ts";
import { registerDeveloper } from "./operator/register-developer.ts";

const helpText = `Operators run the platform: they make developers and see every project.

  npm run operator -- create ada@example.com --name "Ada Lovelace"   an operator, with a first key
  npm run operator -- list                                           operators and their keys
  npm run operator -- key ada@example.com --label CI --days 90       a further key, here for 90 days
  npm run operator -- revoke ok_Qx3vT                                a key by prefix or id, at once
  npm run operator -- developer bob@example.com --url https://<ref>.supabase.co
                                                                     a developer with a project; prints the app's .env

\`developer\` asks the API, with the operator's key in CLOUD_API_OPERATOR_KEY. For the others the database is the one of DATABASE_URL, else the local stack's (--port ${defaultBasePort}). A key is shown once. An operator who
wants to log in as well asks for a reset mail (POST /auth/request-password-reset) and sets a password.`;

const { values, positionals } = readArguments();

function readArguments() {
  try {
    const options = {
      name: { type: "string" },
      label: { type: "string" },
      days: { type: "string" },
      port: { type: "string" },
      url: { type: "string" },
    } as const;
    return readCommandLine("npm run operator", helpText, options, true);
  } catch (error) {
    console.error((error as Error).message);
    process.exit(1);
  }
}

function localDatabase(port: number): string {
  try {
    return databaseUrl(portsFrom(port), keysOfPort(port).database_password);
  } catch (error) {
    console.error(`${(error as Error).message} For another database set DATABASE_URL.`);
    process.exit(1);
  }
}

async function makeDeveloper(email: string): Promise<number> {
  try {
    if (email === "" || values.url === undefined)
      throw new Problem("`developer` needs an address and --url, such as https://<ref>.supabase.co.");
    const lines = await registerDeveloper(values.url, process.env.CLOUD_API_OPERATOR_KEY, email, values.name);
    console.error(
      `${email} is a developer with a project. The .env of the app, whose keys are shown only now:\n`,
    );
    console.log(lines.join("\n"));
    console.error(
      "\nTo log in, ask for a reset mail (POST /auth/request-password-reset) and set a password.",
    );
    return 0;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    console.error(error.message);
    return 1;
  }
}

function expiry(): Date | null {
  if (values.days === undefined) return null;
  const days = Number(values.days);
  if (!(days > 0 && days <= 3_650)) throw new Problem(`--days ${values.days} is not usable: give 1 to 3650.`);
  return new Date(Date.now() + days * 86_400_000);
}

async function run(sql: postgres.Sql): Promise<void> {
  const [command, subject = ""] = positionals;
  if (command !== "list" && subject === "")
    throw new Problem(`\`${command}\` needs to know whom or what.\n\n${helpText}`);
  if (command === "create") {
    const expires_at = expiry();
    await createOperator(sql, subject, values.name ?? null);
    const key = await createOperatorKey(sql, subject, values.label ?? null, expires_at);
    console.log(`${subject} is an operator. The key, shown only now:\n${key}`);
  } else if (command === "key") {
    const key = await createOperatorKey(sql, subject, values.label ?? null, expiry());
    console.log(`A new key of ${subject}, shown only now:\n${key}`);
  } else if (command === "revoke") {
    console.log(`The key ${await revokeOperatorKey(sql, subject)}… is revoked.`);
  } else if (command === "list") {
    for (const { email, full_name, is_active, keys } of await listOperators(sql)) {
      console.log([email, full_name, is_active ? "" : "(deactivated)"].filter(Boolean).join("  "));
      for (const { id, name, key_prefix, state } of keys) {
        console.log(`  ${key_prefix}…  ${state.padEnd(8)}  ${id}  ${name ?? ""}`.trimEnd());
      }
    }
  } else {
    throw new Problem(`There is no command ${command}.\n\n${helpText}`);
  }
}

if (positionals.length === 0) {
  console.log(helpText);
  process.exit(1);
}
if (positionals[0] === "developer") process.exit(await makeDeveloper(positionals[1] ?? ""));
const url = process.env.DATABASE_URL || localDatabase(Number(values.port ?? defaultBasePort));
// Statements are not prepared, so that a transaction pooler works too.
const sql = postgres(url, { max: 1, ssl: "prefer", prepare: false, onnotice: () => {}, connect_timeout: 10 });
try {
  await run(sql);
} catch (error) {
  const { code, message } = error as { code?: string; message: string };
  if (error instanceof Problem) console.error(message);
  else if (code === "42P01" || code === "3F000")
    console.error(
      "This database has no Cloud API in it yet: apply the migrations first (npx supabase db push --remote).",
    );
  else console.error(`The database did not do it: ${message}${code === undefined ? "" : ` (${code})`}`);
  process.exitCode = 1;
} finally {
  await sql.end({ timeout: 2 });
}
