import { spawn } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, inject, test } from "vitest";
import { compare, type Row } from "../../scripts/bench/compare.ts";
import type { Report } from "../../scripts/bench/report.ts";
import { createGeneration, createProject, login, reads, refusals } from "../../scripts/bench/scenarios.ts";
import { type Facts, seed } from "../../scripts/bench/seed.ts";
import { portsFrom, repositoryRoot } from "../../scripts/local/settings.ts";
import { admin } from "../support/sql.ts";
import { until } from "../support/until.ts";

const { urls, credentials } = inject("stack");
const port = Number(new URL(urls.gateway).port);
const files: string[] = [];

afterAll(() => {
  for (const file of files) rmSync(join(repositoryRoot, file), { force: true });
});

/** The scenarios read no more than this to make their names. */
const factsForNames = {
  people: [],
  heavy: {},
  app_headers: {},
  deep_page: 2,
  unknown_key: "",
} as unknown as Facts;

function isMeasured(result: Report["sections"][number]["results"][number]): boolean {
  const { requests_per_second, p50_ms, p95_ms, p99_ms, ratio } = result;
  return [requests_per_second, p50_ms, p95_ms, p99_ms, ratio].every((n) => Number.isFinite(n) && n > 0);
}

test("the benchmark prints and stores measured values for each scenario, and no answer is wrong", async () => {
  const args = [
    "--rounds",
    "1",
    // Each connection sends each of the ten people's requests once.
    "--requests",
    "40",
    "--connections",
    "4",
    "--deep-page",
    "2",
    "--starts",
    "0",
  ];
  const child = spawn(
    process.execPath,
    [join(repositoryRoot, "scripts/bench.ts"), "--port", String(port), ...args],
    {
      cwd: repositoryRoot,
      env: { ...process.env, CLOUD_API_OPERATOR_KEY: String(credentials.operator_key) },
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  let printed = "";
  child.stdout.on("data", (chunk) => {
    printed += chunk;
  });
  const code = await new Promise((resolve) => child.once("close", resolve));
  files.push(...(printed.match(/^\.local\/bench\/\S+$/gm) ?? []));
  const report = JSON.parse(readFileSync(join(repositoryRoot, files[0] ?? ""), "utf8")) as Report;

  const names = [...reads(factsForNames), ...refusals(factsForNames)].map(({ name }) => name);
  const results = report.sections.flatMap((section) => section.results);
  expect(results.map(({ name }) => name)).toEqual(expect.arrayContaining(names));
  for (const name of names) expect(printed).toContain(name);
  expect(results.filter((result) => !isMeasured(result) || result.failed > 0)).toEqual([]);
  expect(code).toBe(0);
});

test("the benchmark gets no wrong answer in the scenarios that write", async () => {
  const ports = portsFrom(port);
  const facts = await seed(ports, String(credentials.operator_key), admin, 2);
  const base = `http://127.0.0.1:${ports.functions.api}`;
  const changes = [createProject(facts), await createGeneration(facts), login(facts)];
  const rows: Row[] = changes.map((scenario) => ({ scenario, base }));
  const results = await compare(rows, { seconds: 1, requests: 10, rounds: 1, connections: 1 });

  expect(results).toHaveLength(changes.length);
  expect(results.filter((result) => !isMeasured(result) || result.failed > 0)).toEqual([]);
  // Otherwise the pictures of other test files wait behind these.
  const open = () =>
    admin`select id from public.generations where project_id = ${facts.project_id} and completed_at is null`;
  await until("every generation has ended", open, ({ length }) => length === 0, 50_000);
});
