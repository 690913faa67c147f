import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { unusableSettings } from "../local/function-settings.ts";
import { repositoryRoot } from "../local/settings.ts";
import { hasClosedPort, hostedEnvFile, missingSettings, misspeltSettings } from "./env-file.ts";
import { type Check, type Finding, fail, ok, warn } from "./finding.ts";
import type { Target } from "./target.ts";

const about = "settings";

/** Checks the file with the settings of the functions. */
export const checkSettings: Check = async (target) => {
  const { kind, env_file, env } = target;
  if (env_file === undefined) return [ok(about, "made by npm start")];
  if (!existsSync(resolve(repositoryRoot, env_file)))
    return [fail(about, `${env_file} is missing`, `cp .env.example ${env_file}, and fill it in`)];
  const unusable = [...misspeltSettings(env), ...unusableSettings(env)];
  if (unusable.length > 0) return unusable.map((line) => fail(about, line, `correct it in ${env_file}`));
  const advice = kind === "hosted" ? hostedAdvice(target) : localAdvice(target);
  return [ok(about, `${env_file} can be used`), ...advice];
};

/** Names of this machine, on it or in a container on it. */
const near = /^(localhost|127(\.\d+){3}|\[?::1\]?|host\.docker\.internal|db|supabase_db_[\w-]+)$/;

/** Warns about local functions that use the database of a hosted project. */
function localAdvice({ env, env_file }: Target): Finding[] {
  const host = env.DATABASE_URL ? URL.parse(env.DATABASE_URL)?.hostname : undefined;
  if (host === undefined || near.test(host)) return [];
  const says = `DATABASE_URL leads to ${host}: the functions on this machine would use that database`;
  return [
    fail(
      about,
      says,
      `remove it from ${env_file}; settings of the hosted project belong into ${hostedEnvFile}`,
    ),
  ];
}

function hostedAdvice({ env, env_file }: Target): Finding[] {
  const findings = missingSettings(env).map(([name, why]) =>
    (name === "DATABASE_URL" ? warn : fail)(about, `${name} is not set: ${why}`, `set it in ${env_file}`),
  );
  if (hasClosedPort(env))
    findings.push(
      fail(about, "hosted functions cannot use the ports 25 and 587", "use RESEND_API_KEY, or SMTP_PORT=465"),
    );
  return findings;
}
