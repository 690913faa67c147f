import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { setTimeout } from "node:timers/promises";
import { dataFolderOf, findKeys, publishedKeys } from "../local/keys.ts";
import { Problem, reasonOf } from "../local/problem.ts";
import { loopback, pathsFor } from "../local/settings.ts";
import { type EnvFile, hostedEnvFile, localEnvFile, readEnvFile } from "./env-file.ts";

export type Kind = "embedded" | "local" | "hosted";

/** The target of a check. */
export type Target = {
  kind: Kind;
  /** The base URL of clients, without /api/v1. */
  base: string;
  supabase_url: string;
  publishable_key: string | undefined;
  secret_key: string | undefined;
  operator_key: string | undefined;
  cron_secret: string | undefined;
  /** The file with the settings of the functions. Undefined if `npm start` makes them. */
  env_file: string | undefined;
  env: EnvFile;
  /** The answer to GET /health/detailed for an operator, requested once. */
  health: () => Promise<Answer>;
};

type TargetOptions = {
  port: number;
  data?: string | undefined;
  local?: boolean | undefined;
  url?: string | undefined;
  env_file?: string | undefined;
};

export type Answer = {
  /** Zero without an answer. */
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: the form of the body is unknown.
  body: any;
  reason: string;
};

/** Finds the target: the embedded stack, `supabase start` (`local`), or a hosted project by its URL. */
export function findTarget(options: TargetOptions, vars: NodeJS.ProcessEnv): Target {
  const { port, url, local, data = dataFolderOf(port) } = options;
  if (url !== undefined && !URL.canParse(url))
    throw new Problem(`--url ${url} is not an address such as https://<ref>.supabase.co.`);
  const kind: Kind = url !== undefined ? "hosted" : local ? "local" : "embedded";
  const paths = pathsFor(resolve(data));
  const { keys, stored, env_file } = {
    embedded: {
      keys: findKeys(port, paths.keys),
      stored: storedOperatorKey(paths.credentials),
      env_file: undefined,
    },
    local: { keys: publishedKeys, stored: undefined, env_file: options.env_file ?? localEnvFile },
    hosted: { keys: undefined, stored: undefined, env_file: options.env_file ?? hostedEnvFile },
  }[kind];
  const env = (env_file && readEnvFile(env_file)) || {};
  const supabase_url = url === undefined ? `http://${loopback}:${port}` : new URL(url).origin;
  const functions = `${supabase_url}/functions/v1`;
  const base = { embedded: supabase_url, local: functions, hosted: env.PUBLIC_URL || functions }[kind];
  const operator_key = vars.CLOUD_API_OPERATOR_KEY || stored;
  let asked: Promise<Answer> | undefined;
  return {
    kind,
    base,
    supabase_url,
    publishable_key: vars.CLOUD_API_PUBLISHABLE_KEY || keys?.publishable,
    secret_key: vars.CLOUD_API_SECRET_KEY || keys?.secret,
    operator_key,
    cron_secret: kind === "embedded" ? vars.CRON_SECRET || keys?.cron_secret : env.CRON_SECRET || undefined,
    env_file,
    env,
    health: () => {
      asked ??= askForHealth(`${base}/api/v1/health/detailed`, operator_key);
      return asked;
    },
  };
}

/** Requests the health report. The function waits 0.7 s for each part. A busy part may be slower or refuse a call, so there are two retries. */
async function askForHealth(url: string, operatorKey: string | undefined): Promise<Answer> {
  const headers: Record<string, string> = operatorKey === undefined ? {} : { "X-Operator-Key": operatorKey };
  for (let more = 2; ; more--) {
    const answer = await ask(url, { headers });
    const parts: unknown[] = Object.values(answer.body);
    const mayPass = parts.some((part) =>
      /^timeout$|_unavailable$/.test((part as { error?: string } | null)?.error ?? ""),
    );
    if (!mayPass || more === 0) return answer;
    await setTimeout(1_000);
  }
}

/** The key of the operator that `npm start` created, from the credentials of a data folder. */
function storedOperatorKey(path: string): string | undefined {
  try {
    return (JSON.parse(readFileSync(path, "utf8")) as { operator_key?: string }).operator_key;
  } catch {
    return undefined;
  }
}

/** The operator key of the stack on this port. CLOUD_API_OPERATOR_KEY takes precedence. @throws Problem */
export function operatorKeyOf(port: number): string {
  const { credentials } = pathsFor(dataFolderOf(port));
  const key = process.env.CLOUD_API_OPERATOR_KEY || storedOperatorKey(credentials);
  if (key) return key;
  throw new Problem(
    `The stack on port ${port} keeps its keys elsewhere: set CLOUD_API_OPERATOR_KEY to the operator key that it printed.`,
  );
}

const timeoutMs = 10_000;

/** Sends one request, and never throws. */
export async function ask(url: string, init: RequestInit = {}): Promise<Answer> {
  try {
    const signal = AbortSignal.timeout(timeoutMs);
    const response = await fetch(url, { redirect: "manual", signal, ...init });
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
