import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { parseEnv } from "../../supabase/functions/api/env.ts";
import { repositoryRoot } from "../local/settings.ts";
import { type Check, type Finding, fail, ok, warn } from "./check.ts";
import { hostedEnvFile, type Target } from "./target.ts";

const about = "settings";

/** The platform sets these itself. With them the rest of the file can be parsed as the function will parse it. */
function injected(target: Target): Record<string, string> {
  return {
    SUPABASE_URL: target.supabase_url,
    SUPABASE_DB_URL: "postgresql://postgres@db:5432/postgres",
    SUPABASE_SECRET_KEYS: JSON.stringify({ default: target.secret_key ?? "unknown here" }),
  };
}

/** The file that becomes the secrets of the functions. */
export const checkEnvironment: Check = async (target) => {
  const { kind, env_file, env } = target;
  if (env_file === undefined) return [ok(about, "made by npm start")];
  if (!existsSync(resolve(repositoryRoot, env_file)))
    return [fail(about, `${env_file} is missing`, `cp .env.example ${env_file}, and fill it in`)];
  try {
    parseEnv({ ...injected(target), ...env });
  } catch (error) {
    const [, ...lines] = (error as Error).message.split("\n");
    return lines.map((line) => fail(about, line.trim(), `correct it in ${env_file}`));
  }
  const advice = kind === "hosted" ? hostedAdvice(target) : localAdvice(target);
  return [ok(about, `${env_file} can be used`), ...advice];
};

/** Names of this machine, as seen from it or from a container on it. */
const near = /^(localhost|127(\.\d+){3}|\[?::1\]?|host\.docker\.internal|db|supabase_db_[\w-]+)$/;

/** Experiments must not touch the data of a hosted project. */
function localAdvice({ env, env_file }: Target): Finding[] {
  const host = env.DATABASE_URL ? URL.parse(env.DATABASE_URL)?.hostname : undefined;
  if (host === undefined || near.test(host)) return [];
  return [
    fail(
      about,
      `DATABASE_URL leads to ${host}: the functions of this machine work on that database`,
      `remove it from ${env_file}; what is for the hosted project belongs into ${hostedEnvFile}`,
    ),
  ];
}

function hostedAdvice({ env, env_file }: Target): Finding[] {
  const findings: Finding[] = [];
  const missing = ["REPLICATE_API_TOKEN", "CRON_SECRET", "MAIL_FROM"].filter((name) => !env[name]);
  for (const name of missing) findings.push(fail(about, `${name} is not set`, `set it in ${env_file}`));
  if (!env.RESEND_API_KEY && !env.SMTP_HOST)
    findings.push(
      fail(about, "nobody delivers mail", `set RESEND_API_KEY in ${env_file} (docs/accounts.md)`),
    );
  if (env.SMTP_HOST && ["25", "587", ""].includes(env.SMTP_PORT ?? ""))
    findings.push(
      fail(about, "hosted functions cannot use the ports 25 and 587", "use RESEND_API_KEY, or SMTP_PORT=465"),
    );
  if (!env.DATABASE_URL)
    findings.push(
      warn(
        about,
        "the functions use the direct connection of the database, which allows few",
        `set DATABASE_URL in ${env_file} to the transaction pooler (port 6543, Dashboard → Connect)`,
      ),
    );
  return findings;
}
