import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { findFreeBase } from "../../scripts/local/ports.ts";
import { denoPackage, repositoryRoot } from "../../scripts/local/settings.ts";
import { tokenSettings } from "./auth-tokens.ts";
import type { StackTarget } from "./stack.ts";
import { until } from "./until.ts";

export type FunctionProcess = {
  base: string;
  /** The lines of its log so far. */
  lines: string[];
  isAlive: () => boolean;
  end: () => Promise<void>;
};

/**
 * Starts another instance of the function with the database and services of a stack. `hosted` is the Deno version that hosted
 * Supabase is compatible with. `suite` is the version of the stack's own functions.
 */
export async function startFunction(
  { urls, keys, database_url }: StackTarget,
  deno: "local" | "hosted" | "suite" = "suite",
  env: Record<string, string> = {},
): Promise<FunctionProcess> {
  const port = await findFreeBase();
  const base = `http://127.0.0.1:${port}`;
  const folder = { local: "deno", hosted: "deno-hosted", suite: denoPackage }[deno];
  // The launcher does not forward signals, so the whole process group is killed.
  const child = spawn(
    process.execPath,
    [
      join(repositoryRoot, "node_modules", folder, "bin.cjs"),
      "serve",
      "--no-prompt",
      "--allow-env",
      "--allow-net",
      "--host=127.0.0.1",
      `--port=${port}`,
      join(repositoryRoot, "supabase", "functions", "api", "index.ts"),
    ],
    {
      cwd: repositoryRoot,
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        PATH: process.env.PATH,
        DENO_DIR: join(repositoryRoot, ".local", folder),
        DENO_NO_UPDATE_CHECK: "1",
        NO_COLOR: "1",
        SUPABASE_URL: urls.gateway,
        SUPABASE_SECRET_KEYS: JSON.stringify({ default: keys.secret }),
        SUPABASE_DB_URL: database_url,
        ...tokenSettings(keys),
        // Any instance may complete the generations of another one, since all share the database.
        REPLICATE_FILE_HOSTS: new URL(urls.replicate ?? "").host,
        ...env,
      },
    },
  );
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on("line", (line) => lines.push(line));
  }
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const isAlive = () => child.exitCode === null && child.signalCode === null;
  const end = async () => {
    if (isAlive() && child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    await exited;
  };
  await until("the function answers", async () => {
    if (child.exitCode !== null) throw new Error(`Deno ended with ${child.exitCode}:\n${lines.join("\n")}`);
    const response = await fetch(`${base}/health`).catch(() => undefined);
    await response?.body?.cancel();
    return response !== undefined;
  });
  return { base, lines, isAlive, end };
}
