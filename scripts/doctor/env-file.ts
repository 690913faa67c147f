import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseEnv as parseDotEnv } from "node:util";
import { closest } from "../../supabase/functions/api/fields/strict-object.ts";
import { settingNames } from "../local/function-settings.ts";
import { repositoryRoot } from "../local/settings.ts";

export type EnvFile = Record<string, string | undefined>;

/**
 * The settings that the Supabase CLI passes to the functions on this machine, and those that `npm run deploy` stores as
 * secrets.
 */
export const localEnvFile = join("supabase", "functions", ".env");
export const hostedEnvFile = join("supabase", "functions", ".env.production");

/** The settings in a file of the checkout, or at any other path. Undefined if there is no such file. */
export function readEnvFile(path: string): EnvFile | undefined {
  const file = resolve(repositoryRoot, path);
  return existsSync(file) ? parseDotEnv(readFileSync(file, "utf8")) : undefined;
}

/** Further settings that a hosted project needs and that are missing, with the reasons. */
export function missingSettings(env: EnvFile): [name: string, why: string][] {
  const needed = {
    REPLICATE_API_TOKEN: "generation answers 503 without it",
    CRON_SECRET: "nobody may call the reconciler without it; `openssl rand -hex 24` makes one",
    DATABASE_URL: "the transaction pooler, port 6543 (Dashboard → Connect); the direct connection allows few",
    MAIL_FROM: "the address that mail comes from",
    ...(env.SMTP_HOST ? {} : { RESEND_API_KEY: "mail waits in the outbox without it (docs/accounts.md)" }),
  };
  return Object.entries(needed).filter(([name]) => !env[name]);
}

/** Names that are almost those of a setting, one line each. The function would ignore them. */
export function misspeltSettings(env: EnvFile): string[] {
  return Object.keys(env).flatMap((name) => {
    const meant = settingNames.includes(name) ? undefined : closest(name, settingNames);
    return meant === undefined ? [] : [`${name} is not a setting. Did you mean ${meant}?`];
  });
}

/** Whether mail would use a port that hosted functions cannot reach. */
export const hasClosedPort = (env: EnvFile) =>
  Boolean(env.SMTP_HOST) && ["25", "587", ""].includes(env.SMTP_PORT ?? "");
