import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { afterEach, expect, test, vi } from "vitest";

vi.setConfig({ testTimeout: 20_000 });

const mainFile = new URL("../../scripts/local/replicate/main.ts", import.meta.url).pathname;
const childEnv = {
  PORT: "0",
  REPLICATE_API_TOKEN: "token",
  REPLICATE_WEBHOOK_SECRET: "whsec_bG9jYWwtd2ViaG9vay1zZWNyZXQ=",
};

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

function start(env: Record<string, string>): ChildProcess {
  const child = spawn(process.execPath, [mainFile], { env, stdio: ["ignore", "pipe", "inherit"] });
  children.push(child);
  return child;
}

async function firstLine(child: ChildProcess): Promise<Record<string, string>> {
  if (!child.stdout) throw new Error("the child has no output");
  const [line] = await once(createInterface({ input: child.stdout }), "line");
  return JSON.parse(line);
}

test("the look-alike of Replicate prints its address, answers /health, and exits on SIGTERM", async () => {
  const child = start(childEnv);
  const line = await firstLine(child);
  expect(line).toMatchObject({ level: "info", message: "listening" });
  expect((await fetch(`${line.url}/health`)).status).toBe(200);
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  expect(await ended).toEqual([0, null]);
});

test("the look-alike of Replicate names a missing variable and exits with 1", async () => {
  const child = start({ ...childEnv, REPLICATE_API_TOKEN: "" });
  const ended = once(child, "exit");
  expect((await firstLine(child)).error).toContain("REPLICATE_API_TOKEN");
  expect((await ended)[0]).toBe(1);
});
