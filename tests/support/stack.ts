import { spawn } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { TestProject } from "vitest/node";
import { isAlive } from "../../scripts/local/lock.ts";
import { findFreeBase, waitForPorts } from "../../scripts/local/ports.ts";
import { portsFrom, repositoryRoot } from "../../scripts/local/settings.ts";
import type { StackOptions } from "../../scripts/local/stack.ts";
import type { Stack } from "../../scripts/local/stack-facts.ts";
import { copyCluster } from "./copy-cluster.ts";
import { readTarget } from "./target.ts";

/** The target of a suite. Of a foreign target only the settings of the environment are known. */
export type StackTarget = {
  /** False for a target of the environment, whose processes a test cannot reach. See target.ts. */
  embedded: boolean;
  /** `gateway` has Auth, PostgREST and Storage below it, and `base` is what clients of the API call. */
  urls: {
    gateway: string;
    base: string;
    api: string;
    inbox?: string | undefined;
    smtp?: string | undefined;
    replicate?: string | undefined;
  };
  keys: Partial<Stack["keys"]>;
  database_url?: string | undefined;
  admin_database_url?: string | undefined;
  credentials: Partial<Stack["credentials"]>;
  /** The folder of its logs. */
  logs?: string | undefined;
};

declare module "vitest" {
  // biome-ignore lint/style/useConsistentTypeDefinitions: only an interface can be merged into vitest's own
  export interface ProvidedContext {
    stack: StackTarget;
  }
}

/** A temporary stack with its own process and folder. */
export interface TestStack extends Omit<Stack, "processes" | "stop"> {
  processes: { name: string; pid: number }[];
  /** The lines for the terminal so far. */
  reports: string[];
  /** Ends the stack. Throws when a process is still alive or a port is still in use. */
  stop: () => Promise<void>;
}

/** The globalSetup of vitest. `inject("stack")` in a test returns the target. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const foreign = readTarget();
  if (foreign !== undefined) {
    project.provide("stack", foreign);
    return async () => {};
  }
  const stack = await startTestStack({ replicate_env: { PREDICTION_MS: "400" } });
  const { urls, keys, database_url, admin_database_url, credentials } = stack;
  const { logs } = stack.paths;
  project.provide("stack", {
    embedded: true,
    urls: { ...urls, base: urls.gateway },
    keys,
    database_url,
    admin_database_url,
    credentials,
    logs,
  });
  return stack.stop;
}

/** Starts an empty stack on free ports. `stop` deletes all its files. */
export async function startTestStack(options: StackOptions = {}): Promise<TestStack> {
  const folder = options.data_folder ?? mkdtempSync(join(tmpdir(), "cloud-api-"));
  chmodSync(folder, 0o711);
  if (options.data_folder === undefined) await copyCluster(folder);
  const base_port = options.base_port ?? (await findFreeBase());
  const settings = { durable: false, ...options, base_port, data_folder: folder };
  const node = join(repositoryRoot, "node_modules", ".bin", "node");
  const script = fileURLToPath(new URL("./stack-process.ts", import.meta.url));
  const child = spawn(existsSync(node) ? node : process.execPath, [script, JSON.stringify(settings)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const reports: string[] = [];
  const remove = () => {
    if (options.data_folder === undefined) rmSync(folder, { recursive: true, force: true });
  };
  const starting = new Promise<Omit<TestStack, "reports" | "stop">>((resolve, reject) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      const event = JSON.parse(line) as { kind: string; line: string; reason: string; stack: TestStack };
      if (event.kind === "ready") resolve(event.stack);
      if (event.kind === "report") reports.push(event.line);
      if (event.kind === "failed") reject(new Error(event.reason));
    });
    void exited.then(() => reject(new Error(`The stack ended while starting (exit code ${child.exitCode})`)));
  });
  const started = await starting.catch(async (error: unknown) => {
    await exited;
    remove();
    throw error;
  });
  const stop = async () => {
    child.stdin.end();
    await exited;
    remove();
    await assertNothingLeft(base_port, started.processes);
  };
  return { ...started, reports, stop };
}

/** Throws when a process of an ended stack is still alive or one of its ports is in use. */
export async function assertNothingLeft(
  basePort: number,
  processes: { name: string; pid: number }[],
): Promise<void> {
  const alive = processes.filter(({ pid }) => isAlive(pid)).map(({ name, pid }) => `${name} (${pid})`);
  if (alive.length > 0)
    throw new Error(`The stack has ended, but these processes live on: ${alive.join(", ")}`);
  await waitForPorts(portsFrom(basePort), () => {}, { withinMs: 0 });
}
