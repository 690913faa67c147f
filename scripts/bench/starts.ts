import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { findFreeBase } from "../local/ports.ts";
import { Problem } from "../local/problem.ts";
import { loopback, repositoryRoot } from "../local/settings.ts";
import { percentile } from "./measure.ts";
import type { Scenario } from "./scenario.ts";
import { commandOf } from "./usage.ts";

/** Milliseconds of each start. */
export type Starts = number[];

/** A function started as the one of this process and port, on another port, until it answers the first request of the scenario. */
export async function startFunctions(
  pid: number | undefined,
  port: number,
  otherPort: number,
  { requests }: Scenario,
  rounds: number,
): Promise<Starts> {
  const [binary, ...args] = commandOf(pid)?.args ?? [];
  const [request] = requests;
  if (pid === undefined || binary === undefined || request === undefined) return [];
  const moved = args.map((arg) => arg.replaceAll(new RegExp(`\\b${port}\\b`, "g"), String(otherPort)));
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const start = performance.now();
    const child = spawn(binary, moved, { cwd: repositoryRoot, env: commandOf(pid)?.env, stdio: "ignore" });
    const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    try {
      await firstAnswer(
        `http://${loopback}:${otherPort}${request.path}`,
        request.headers,
        () => child.exitCode !== null,
      );
      times.push(performance.now() - start);
    } finally {
      child.kill("SIGKILL");
      await gone;
    }
  }
  return times;
}

async function firstAnswer(
  url: string,
  headers: Record<string, string> | undefined,
  isOver: () => boolean,
): Promise<void> {
  while (!isOver()) {
    const response = await fetch(url, headers === undefined ? {} : { headers }).catch(() => undefined);
    await response?.body?.cancel();
    if (response?.ok) return;
    if (response !== undefined)
      throw new Problem(`A function that was just started answered ${response.status}.`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  throw new Problem("A function could not be started a second time.");
}

/** `npm start` on existing data, until everything answers, without the time of npm itself. */
export async function startStacks(rounds: number): Promise<Starts> {
  const folder = mkdtempSync(join(tmpdir(), "cloud-api-bench-"));
  try {
    const base = await findFreeBase();
    const times: number[] = [];
    for (let round = 0; round <= rounds; round++) times.push(await startStack(base, folder));
    return times.slice(1);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function startStack(base: number, folder: string): Promise<number> {
  const start = performance.now();
  const child = spawn(
    "node",
    [
      join(repositoryRoot, "scripts", "bootstrap.mjs"),
      "scripts/start.ts",
      "--json",
      "--quiet",
      "--port",
      String(base),
      "--data",
      folder,
    ],
    { cwd: repositoryRoot, stdio: ["ignore", "pipe", "ignore"] },
  );
  const closed = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const ready = new Promise<number>((resolve) =>
    createInterface({ input: child.stdout }).once("line", () => resolve(performance.now() - start)),
  );
  const time = await Promise.race([ready, closed]);
  child.kill("SIGTERM");
  await closed;
  if (time === undefined) throw new Problem("A stack ended while it was starting.");
  return time;
}

/** The measurement as a sentence. */
export function describeStarts(what: string, times: Starts): string {
  const [middle, longest] = [percentile(times, 0.5), Math.max(...times)];
  return `${what}: p50 ${middle.toFixed(0)} ms, longest ${longest.toFixed(0)} ms of ${times.length}.`;
}
