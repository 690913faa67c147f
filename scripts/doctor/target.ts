import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout } from "node:timers/promises";
import { parseEnv as parseDotEnv } from "node:util";
import { findKeys, publishedKeys } from "../local/keys.ts";
import { Problem, reasonOf } from "../local/problem.ts";
import { loopback, pathsFor, repositoryRoot } from "../local/settings.ts";

export type Kind = "embedded" | "local" | "hosted";

/** What a check knows about its target. */
export type Target = {
  kind: Kind;
  /** The base that clients call, without /api/v1. */
  base: string;
  supabase_url: string;
  publishable_key: string | undefined;
  secret_key: string | undefined;
  operator_key: string | undefined;
  cron_secret: string | undefined;
  /** The file with the settings of the functions; undefined if `npm start` makes them. */
  env_file: string | undefined;
  env: Record<string, string | undefined>;
  /** GET /health/detailed as an operator, asked once. */
  health: () => Promise<Answer>;
};

export type TargetOptions = {
  port: number;
  data?: string | undefined;
  local?: boolean | undefined;
  url?: string | undefined;
  env_file?: string | undefined;
};

export type Answer = {
  /** Zero when there was none. */
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: read by path, and not trusted to be what it should.
  body: any;
  reason: string;
};

/** What the Supabase CLI gives the functions of this machine, and what `npm run deploy` makes the secrets of the hosted ones. */
export const localEnvFile = join("supabase", "functions", ".env");
export const hostedEnvFile = join("supabase", "functions", ".env.production");

/** The embedded stack, `supabase start` (`local`), or a hosted project by its address. */
export function findTarget(options: TargetOptions, vars: NodeJS.ProcessEnv): Target {
  const { port, url, local } = options;
  if (url !== undefined) return hosted(url, options, vars);
  const supabase_url = `http://${loopback}:${port}`;
  const data = pathsFor(resolve(options.data ?? join(repositoryRoot, ".local", String(port))));
  const keys = local ? publishedKeys : findKeys(port, data.keys);
  const publishable_key = vars.CLOUD_API_PUBLISHABLE_KEY || keys?.publishable;
  const secret_key = vars.CLOUD_API_SECRET_KEY || keys?.secret;
  if (local) {
    const { env_file, env } = readEnvFile(options.env_file ?? localEnvFile);
    return withHealth({
      kind: "local",
      base: `${supabase_url}/functions/v1`,
      supabase_url,
      publishable_key,
      secret_key,
      operator_key: vars.CLOUD_API_OPERATOR_KEY || undefined,
      cron_secret: env.CRON_SECRET || undefined,
      env_file,
      env,
    });
  }
  return withHealth({
    kind: "embedded",
    base: supabase_url,
    supabase_url,
    publishable_key,
    secret_key,
    operator_key: vars.CLOUD_API_OPERATOR_KEY || storedOperatorKey(data.credentials),
    cron_secret: vars.CRON_SECRET || keys?.cron_secret,
    env_file: undefined,
    env: {},
  });
}

function hosted(url: string, options: TargetOptions, vars: NodeJS.ProcessEnv): Target {
  if (!URL.canParse(url)) throw new Problem(`--url ${url} is no address such as https://<ref>.supabase.co.`);
  const supabase_url = new URL(url).origin;
  const { env_file, env } = readEnvFile(options.env_file ?? hostedEnvFile);
  return withHealth({
    kind: "hosted",
    base: env.PUBLIC_URL || `${supabase_url}/functions/v1`,
    supabase_url,
    publishable_key: vars.CLOUD_API_PUBLISHABLE_KEY || undefined,
    secret_key: vars.CLOUD_API_SECRET_KEY || undefined,
    operator_key: vars.CLOUD_API_OPERATOR_KEY || undefined,
    cron_secret: env.CRON_SECRET || undefined,
    env_file,
    env,
  });
}

function withHealth(target: Omit<Target, "health">): Target {
  let asked: Promise<Answer> | undefined;
  const headers: Record<string, string> =
    target.operator_key === undefined ? {} : { "X-Operator-Key": target.operator_key };
  return {
    ...target,
    health: () => {
      asked ??= askForHealth(`${target.base}/api/v1/health/detailed`, headers);
      return asked;
    },
  };
}

/** The function waits 0.7 s for each part. A slow part may only be busy, so the check is repeated twice. */
async function askForHealth(url: string, headers: Record<string, string>): Promise<Answer> {
  for (let more = 2; ; more--) {
    const answer = await ask(url, { headers });
    const parts: unknown[] = Object.values(answer.body);
    const isSlow = parts.some((part) => (part as { error?: string } | null)?.error === "timeout");
    if (!isSlow || more === 0) return answer;
    await setTimeout(1_000);
  }
}

function readEnvFile(path: string): { env_file: string; env: Target["env"] } {
  const file = resolve(repositoryRoot, path);
  return { env_file: path, env: existsSync(file) ? parseDotEnv(readFileSync(file, "utf8")) : {} };
}

function storedOperatorKey(path: string): string | undefined {
  try {
    return (JSON.parse(readFileSync(path, "utf8")) as { operator_key?: string }).operator_key;
  } catch {
    return undefined;
  }
}

const timeoutMs = 10_000;

/** One request that never throws. */
export async function ask(url: string, init: RequestInit = {}): Promise<Answer> {
  try {
    const response = await fetch(url, {
      redirect: "manual",
      ...init,
      signal: AbortSignal.timeout(timeoutMs),
    });
    const text = await response.text();
    return { status: response.status, body: parse(text), reason: `it answered ${response.status}` };
  } catch (error) {
    const { cause } = error as { cause?: unknown };
    return { status: 0, body: {}, reason: `no answer: ${reasonOf(cause ?? error)}` };
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
}
