import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { findFreeBase } from "../local/ports.ts";
import { Problem, reasonOf } from "../local/problem.ts";
import { databaseUrl, HOST, pathsFor, portsFrom, ROOT } from "../local/settings.ts";
import { openStack } from "../stack-child.ts";
import { measure, percentile, type Round } from "./measure.ts";
import type { Scenario } from "./scenario.ts";
import { scenario as me } from "./scenarios/me.ts";
import { scenario as status } from "./scenarios/status.ts";
import { seed } from "./seed.ts";
import { startBare, startGatewayTo } from "./servers.ts";

const HELP = `Measures the API against a bare handler that makes one query, in one run.

  npm run bench                 on a fresh stack of its own
  npm run bench -- --port 54321 on the stack that runs there
  --seconds N      for each row (default 10), in rounds of about 2 s that take turns
  --connections N  requests under way at once (default 20)
  --gateway        through the gateway too, the bare handler behind one as well
  --only WORD      the scenarios whose name contains it`;

const scenarios = [me, status];
const bare: Scenario = { name: "bare handler, one query", path: "/api/v1/bare" };

interface Row {
  scenario: Scenario;
  base: string;
  rounds: Round[];
}

function readOptions() {
  const { values } = parseArgs({
    options: {
      port: { type: "string" },
      seconds: { type: "string", default: "10" },
      connections: { type: "string", default: "20" },
      gateway: { type: "boolean", default: false },
      only: { type: "string", default: "" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help) {
    console.log(HELP);
    process.exit(0);
  }
  const [seconds, connections] = [Number(values.seconds), Number(values.connections)];
  if (!(seconds >= 1) || !(connections >= 1))
    throw new Problem("--seconds and --connections are at least 1.");
  const port = values.port === undefined ? undefined : Number(values.port);
  return { seconds, connections, port, gateway: values.gateway, only: values.only };
}

async function main(): Promise<void> {
  const options = readOptions();
  const undo: (() => unknown)[] = [];
  try {
    let port = options.port;
    let operator_key: string;
    if (port === undefined) {
      port = await findFreeBase();
      const folder = mkdtempSync(join(tmpdir(), "cloud-api-bench-"));
      undo.push(() => rmSync(folder, { recursive: true, force: true }));
      const { stack, stop } = await openStack(["--port", String(port), "--data", folder]);
      undo.push(stop);
      operator_key = stack.credentials.operator_key;
    } else operator_key = operatorKeyOf(port);
    const ports = portsFrom(port);
    const facts = await seed(`http://${HOST}:${port}/api/v1`, operator_key);
    const bare_port = port + 15;
    const bare_server = await startBare(databaseUrl(ports), bare_port);
    undo.push(bare_server.stop);
    const chosen = scenarios.map((make) => make(facts)).filter(({ name }) => name.includes(options.only));
    const direct = `http://${HOST}:${ports.functions.api}`;
    await compare(
      "Directly to the function",
      [row(bare, bare_server.base), ...chosen.map((s) => row(s, direct))],
      options,
    );
    if (options.gateway) {
      const [to_bare, to_api] = [await startGatewayTo(bare_port), await startGatewayTo(ports.functions.api)];
      undo.push(to_bare.stop, to_api.stop);
      await compare(
        "Through the gateway",
        [row(bare, to_bare.base), ...chosen.map((s) => row(s, to_api.base))],
        options,
      );
    }
  } finally {
    for (const step of undo.reverse()) await step();
  }
}

const row = (scenario: Scenario, base: string): Row => ({ scenario, base, rounds: [] });

/** Rounds of all rows take turns, so that noise of the machine hits all alike; the first, a warm-up, is not counted. */
async function compare(
  title: string,
  rows: Row[],
  { seconds, connections }: { seconds: number; connections: number },
) {
  const count = Math.max(1, Math.round(seconds / 2));
  for (const { scenario, base } of rows) await measure(base, scenario, { seconds: 2, connections });
  for (let round = 0; round < count; round++) {
    for (const { scenario, base, rounds } of rows) {
      rounds.push(await measure(base, scenario, { seconds: seconds / count, connections }));
    }
  }
  console.log(
    `\n${title}, ${connections} at once, ${count} rounds of ${(seconds / count).toFixed(1)} s each\n`,
  );
  const width = Math.max(...rows.map(({ scenario }) => scenario.name.length));
  console.log(`${"".padEnd(width)}  requests/s   p50 ms   p99 ms   ratio to bare`);
  const bare_rounds = rows[0]?.rounds ?? [];
  for (const { scenario, rounds } of rows) {
    const latencies = rounds.flatMap(({ latencies_ms }) => latencies_ms);
    const ratios = rounds.map(
      (round, at) => round.requests_per_second / (bare_rounds[at]?.requests_per_second ?? 0),
    );
    const failed = rounds.reduce((sum, round) => sum + round.failed, 0);
    const per_second = rounds.reduce((sum, round) => sum + round.requests_per_second, 0) / rounds.length;
    const cells = [
      scenario.name.padEnd(width),
      per_second.toFixed(0).padStart(10),
      percentile(latencies, 0.5).toFixed(2).padStart(7),
      percentile(latencies, 0.99).toFixed(2).padStart(7),
      percentile(ratios, 0.5).toFixed(2).padStart(14),
    ];
    console.log(`${cells.join("  ")}${failed > 0 ? `  ${failed} failed` : ""}`);
    if (failed > 0) process.exitCode = 1;
  }
}

function operatorKeyOf(port: number): string {
  if (process.env.CLOUD_API_OPERATOR_KEY) return process.env.CLOUD_API_OPERATOR_KEY;
  const { credentials } = pathsFor(join(ROOT, ".local", String(port)));
  try {
    return (JSON.parse(readFileSync(credentials, "utf8")) as { operator_key: string }).operator_key;
  } catch {
    throw new Problem(
      `No operator key for port ${port}: start the stack there, or set CLOUD_API_OPERATOR_KEY.`,
    );
  }
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Problem ? error.message : `The benchmark failed: ${reasonOf(error)}`);
  process.exitCode = 1;
}
