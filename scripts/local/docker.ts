import { type ChildProcess, execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseEnv, promisify } from "node:util";
import postgres from "postgres";
import { reconcilerSql } from "../deploy/plan.ts";
import type { BannerFacts } from "./banner.ts";
import { ensureDemoCredentials } from "./demo-credentials.ts";
import { Problem } from "./problem.ts";
import { pathsFor, repositoryRoot } from "./settings.ts";
import { whyOf } from "./why.ts";

const run = promisify(execFile);
const readyWithinMs = 180_000;
/** The URL of the API from the database's container. */
const reconcileUrl = "http://kong:8000/functions/v1/api/v1/internal/reconcile";

type DockerStack = {
  facts: BannerFacts;
  /** The lines below the banner. */
  notes: string[];
  /** Ends the functions; the containers stay for the next start. */
  stop: () => Promise<void>;
};

type DockerOptions = {
  /** The file with the functions' local settings, which `supabase functions serve` reads. */
  env_file?: string;
  report: (line: string) => void;
};

/**
 * Runs `supabase start`, and sets up everything for a first request: settings, functions, accounts, and the reconciler's
 * secrets. @throws Problem if the CLI fails, for example without Docker.
 */
export async function startDocker({
  env_file = join(repositoryRoot, "supabase", "functions", ".env"),
  report,
}: DockerOptions): Promise<DockerStack> {
  const started_at = performance.now();
  report("supabase start: the first time it fetches images, which takes minutes …");
  await supabase(["start"]);
  const status = await supabaseStatus();
  const base = `${status.API_URL}/functions/v1`;
  const env = ensureEnvFile(env_file, base, status);
  const serving = spawn("supabase", ["functions", "serve", "--env-file", env_file], {
    cwd: repositoryRoot,
    stdio: ["ignore", "inherit", "inherit"],
  });
  const ended = new Promise((resolve) => serving.once("exit", resolve));
  const stop = async () => {
    serving.kill("SIGTERM");
    await ended;
  };
  try {
    await untilItAnswers(`${base}/health`, serving);
    const paths = pathsFor(join(repositoryRoot, ".local", "docker"));
    mkdirSync(paths.data, { recursive: true });
    const sql = postgres(status.DB_URL, { max: 1, onnotice: () => {} });
    const notes = [`Kong serves functions below ${base} only, so there is no /api/v1 at ${status.API_URL}.`];
    try {
      const credentials = await ensureDemoCredentials(sql, base, paths.credentials);
      notes.push(...(await storeSecrets(sql, env.CRON_SECRET ?? "")));
      if (!env.REPLICATE_API_TOKEN)
        notes.push(
          `Pictures need a token of Replicate: set REPLICATE_API_TOKEN in ${env_file}, then start again.`,
        );
      notes.push(
        "`npx supabase stop` stops the containers; `npm run doctor -- --local` checks them.",
        "Ctrl-C ends the functions.",
      );
      const facts = {
        urls: {
          gateway: base,
          api: `${base}/api/v1`,
          studio: status.STUDIO_URL ?? "",
          inbox: status.MAILPIT_URL ?? status.INBUCKET_URL ?? "",
          replicate: undefined,
        },
        keys: { secret: status.SECRET_KEY ?? "", publishable: status.PUBLISHABLE_KEY ?? "" },
        credentials,
        database_url: status.DB_URL,
        paths,
        ready_after_ms: performance.now() - started_at,
        own_pages: false,
      };
      return { facts, notes, stop };
    } finally {
      await sql.end({ timeout: 2 });
    }
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Runs the CLI of the PATH. `npm start` puts that of node_modules first. */
async function supabase(args: string[]): Promise<string> {
  try {
    const { stdout } = await run("supabase", args, { cwd: repositoryRoot, maxBuffer: 50_000_000 });
    return stdout;
  } catch (error) {
    const { stdout, stderr, message } = error as Record<"stdout" | "stderr" | "message", string | undefined>;
    const why = whyOf(`${stdout ?? ""}\n${stderr ?? ""}`) || message;
    throw new Problem(
      `\`supabase ${args[0]}\` failed: ${why?.replace(/[.?]+$/, "")}. It needs Docker: start Docker, or leave out --docker.`,
    );
  }
}

type Status = Record<string, string | undefined> & { API_URL: string; DB_URL: string };

/** The addresses and keys of the stack in Docker. Warnings may come before the JSON. */
export async function supabaseStatus(): Promise<Status> {
  const output = await supabase(["status", "-o", "json"]);
  try {
    const found = JSON.parse(
      output.slice(output.indexOf("{"), output.lastIndexOf("}") + 1),
    ) as Partial<Status>;
    if (found.API_URL && found.DB_URL) return found as Status;
  } catch {}
  throw new Problem(
    "`supabase status` did not say where the API and the database are: is the CLI 2.0 or newer?",
  );
}

/** Adds missing settings for this machine and keeps existing ones. */
function ensureEnvFile(file: string, base: string, status: Status): Record<string, string | undefined> {
  const text = existsSync(file) ? readFileSync(file, "utf8") : "";
  const found = parseEnv(text);
  const sends_mail = found.RESEND_API_KEY || found.SMTP_HOST;
  const wanted: Record<string, string | undefined> = {
    PUBLIC_URL: base,
    CRON_SECRET: randomBytes(24).toString("base64url"),
    JWT_SECRET: status.JWT_SECRET,
    // The inbox of `supabase start`, by the name of its container.
    ...(sends_mail ? {} : { SMTP_HOST: "supabase_inbucket_cloud-api", SMTP_PORT: "1025" }),
    MAIL_FROM: "no-reply@cloud-api.test",
  };
  const missing = Object.entries(wanted).filter(([name, value]) => value && !found[name]);
  if (missing.length > 0) {
    const lines = missing.map(([name, value]) => `${name}=${value}\n`).join("");
    const before = text === "" || text.endsWith("\n") ? text : `${text}\n`;
    writeFileSync(file, `${before}# Added by npm start -- --docker\n${lines}`, { mode: 0o600 });
  }
  return { ...found, ...Object.fromEntries(missing) };
}

async function untilItAnswers(url: string, serving: ChildProcess): Promise<void> {
  const start = Date.now();
  for (;;) {
    if (serving.exitCode !== null || serving.signalCode !== null)
      throw new Problem(
        "`supabase functions serve` ended before the functions answered. Its output is above.",
      );
    const response = await fetch(url, { signal: AbortSignal.timeout(5_000) }).catch(() => undefined);
    await response?.arrayBuffer();
    if (response?.ok) return;
    if (Date.now() - start > readyWithinMs)
      throw new Problem(
        `${url} did not answer within ${readyWithinMs / 1000} s. The output of the functions is above.`,
      );
    await delay(250);
  }
}

/** Stores the reconciler's secrets in the vault, for pg_cron. Without a vault nothing calls the reconciler. */
async function storeSecrets(sql: postgres.Sql, cronSecret: string): Promise<string[]> {
  const [vault] = await sql`select to_regclass('vault.secrets') is not null as found`;
  if (vault?.found !== true)
    return ["This database has no vault, so nothing calls the reconciler each minute."];
  await sql.unsafe(reconcilerSql(reconcileUrl, cronSecret));
  return [];
}
