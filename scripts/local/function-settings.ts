import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseEnv } from "../../supabase/functions/api/env.ts";
import { Problem } from "./problem.ts";
import { repositoryRoot } from "./settings.ts";

/** The embedded stack sets these itself, and ignores those of the environment, which may be another project's. */
const ownSettings = ["DATABASE_URL", "DATABASE_CA_CERT", "JWT_SECRET"];

/** The settings of `.env.example`. */
export const settingNames = [
  ...readFileSync(join(repositoryRoot, ".env.example"), "utf8").matchAll(/^([A-Z_]+)=/gm),
].map(([, name = ""]) => name);

/** The settings that `npm start` takes from its environment. */
export const namesOfUserSettings = settingNames.filter((name) => !ownSettings.includes(name));

const proxyNames = [
  "HTTP_PROXY",
  "HTTPS_PROXY",
  "ALL_PROXY",
  "SSL_CERT_FILE",
  "DENO_TLS_CA_STORE",
  "DENO_CERT",
];

export type Settings = Record<string, string>;

/**
 * The settings of the user who starts the stack. An empty value counts as none.
 * @throws Problem that names each invalid setting.
 */
export function userSettings(user: NodeJS.ProcessEnv): Settings {
  const found = namesOfUserSettings.flatMap((name): [string, string][] => {
    const value = user[name]?.trim();
    return value ? [[name, value]] : [];
  });
  const settings = Object.fromEntries(found);
  const unusable = unusableSettings(settings);
  if (unusable.length > 0)
    throw new Problem(
      `A setting in the environment cannot be used: ${unusable.join("; ")}. Correct it or unset it.`,
    );
  return settings;
}

/** The problems for which the function would refuse these settings, one line each. */
export function unusableSettings(env: Record<string, string | undefined>): string[] {
  try {
    // The platform sets these itself.
    parseEnv({
      SUPABASE_URL: "https://project.supabase.co",
      SUPABASE_DB_URL: "postgresql://postgres@db:5432/postgres",
      SUPABASE_SECRET_KEYS: JSON.stringify({ default: "the platform's" }),
      ...env,
    });
    return [];
  } catch (error) {
    const [, ...lines] = (error as Error).message.split("\n");
    return lines.map((line) => line.trim());
  }
}

/** The proxy settings of the network, in upper and lower case, which exclude this machine. */
export function networkSettings(user: NodeJS.ProcessEnv): Settings {
  const names = proxyNames.flatMap((name) => [name, name.toLowerCase()]);
  const found = names.flatMap((name): [string, string][] => {
    const value = user[name];
    return value ? [[name, value]] : [];
  });
  const direct = withLoopback(user.NO_PROXY ?? user.no_proxy);
  return { ...Object.fromEntries(found), NO_PROXY: direct, no_proxy: direct };
}

function withLoopback(noProxy: string | undefined): string {
  const kept = (noProxy ?? "").split(",").map((item) => item.trim());
  return [...new Set([...kept, "127.0.0.1", "localhost", "::1"])].filter((item) => item !== "").join(",");
}

/** The hosts outside the stack that the functions connect to, in the form of Deno's permissions. */
export function reachableHosts(settings: Settings): string[] {
  const {
    RESEND_API_KEY,
    RESEND_API_URL = "https://api.resend.com",
    SMTP_HOST,
    SMTP_PORT = "587",
  } = settings;
  const hosts: string[] = [];
  if (settings.REDIS_URL !== undefined) hosts.push(redisHost(settings.REDIS_URL));
  if (RESEND_API_KEY !== undefined) hosts.push(new URL(RESEND_API_URL).host);
  if (SMTP_HOST !== undefined) hosts.push(`${SMTP_HOST}:${SMTP_PORT}`);
  for (const name of ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"]) {
    const proxy = URL.parse(settings[name] ?? settings[name.toLowerCase()] ?? "");
    if (proxy?.host) hosts.push(proxy.host);
  }
  return hosts;
}

function redisHost(url: string): string {
  const { hostname, port } = URL.parse(url) ?? {};
  if (!hostname) throw new Problem("REDIS_URL must be an address such as redis://127.0.0.1:6379.");
  return `${hostname}:${port || "6379"}`;
}
