import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeFunctions } from "./functions.ts";
import { publishedKeys } from "./keys.ts";
import type { Part } from "./part.ts";
import { findFreeBase } from "./ports.ts";
import { functionNames, loopback, type Ports, pathsFor, portsFrom } from "./settings.ts";

// Three functions with a path that blocks them. They are supervised as in `npm start`.
const spinning = `export default {
  fetch(request) {
    while (request.url.endsWith("/spin")) {}
    return new Response("fine");
  },
};`;

const folder = mkdtempSync(join(tmpdir(), "cloud-api-functions-"));
const reports: string[] = [];
const waiting: (() => void)[] = [];
let ports: Ports;
let parts: Part[] = [];

beforeAll(async () => {
  ports = portsFrom(await findFreeBase());
  const paths = pathsFor(join(folder, "data"));
  mkdirSync(paths.logs, { recursive: true });
  for (const name of functionNames) {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, "index.ts"), spinning);
  }
  parts = makeFunctions({
    paths,
    ports,
    keys: publishedKeys,
    settings: {},
    env: {},
    hosts: [],
    folder,
    is_database_ready: () => true,
    host: {
      given_up: new AbortController().signal,
      report: (line) => {
        reports.push(line);
        for (const wake of waiting.splice(0)) wake();
      },
      processesChanged: () => {},
      last_backoff_ms: 250,
      look_ms: 300,
    },
  });
  await Promise.all(parts.map((part) => part.start()));
}, 60_000);

afterAll(async () => {
  await Promise.all(parts.map((part) => part.stop()));
  rmSync(folder, { recursive: true, force: true });
});

async function untilReported(words: string): Promise<void> {
  while (!reports.some((line) => line.includes(words)))
    await new Promise<void>((resolve) => waiting.push(resolve));
}

const ask = (path: string) => fetch(`http://${loopback}:${ports.functions.api}${path}`);

test("npm start kills and restarts a function that hangs, reports both, and leaves the other functions alone", {
  timeout: 60_000,
}, async () => {
  const others = parts.slice(1).map(({ pid }) => pid);
  const spin = ask("/spin").catch((error: unknown) => error);
  await untilReported("The function api hangs");
  await untilReported("The function api is back");
  expect(await spin).toBeInstanceOf(Error);
  expect(await (await ask("/")).text()).toBe("fine");
  expect(reports.some((line) => line.startsWith("The function api died (SIGKILL)"))).toBe(true);
  expect(parts.slice(1).map(({ pid }) => pid)).toEqual(others);
});
