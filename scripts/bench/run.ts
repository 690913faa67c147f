import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { findFreeBase } from "../local/ports.ts";
import { Problem, reasonOf } from "../local/problem.ts";
import { databaseUrl, HOST, pathsFor, portsFrom, ROOT } from "../local/settings.ts";
import { openStack } from "../stack-child.ts";
import { compare, type Pace, type Row } from "./compare.ts";
import { type Creates, measureCreates } from "./creates.ts";
import { startPeers } from "./peers/start-peers.ts";
import { machine, type Report, type Section, save, table } from "./report.ts";
import { compareSizes, describeSizes, isScalable } from "./scale/compare-sizes.ts";
import { openLarge } from "./scale/large-stack.ts";
import type { MakeScenario, Scenario } from "./scenario.ts";
import { changes, reads, refusals } from "./scenarios/all.ts";
import { scenario as authSignIn } from "./scenarios/auth-sign-in.ts";
import { scenario as createGeneration } from "./scenarios/create-generation.ts";
import { scenario as me } from "./scenarios/me.ts";
import { scenario as status } from "./scenarios/status.ts";
import { type Facts, seed } from "./seed.ts";
import { startBare, startGatewayTo } from "./servers.ts";
import { findFunction, findPostgres } from "./usage.ts";

const HELP = `Measures the API against a bare handler that makes one query, in one run. The numbers are in bench/results too.

  npm run bench                 on a fresh stack of its own
  npm run bench -- --port 54321 on the stack that runs there (reads alone: what the others make would stay)
  --rounds N       of each row, that take turns (default 5)
  --seconds N      for each round (default 1.5)
  --connections N  requests under way at once (default 20)
  --creates N      creates with a picture, while memory is watched (default 2000: a minute and 2 GB of disk; 0 for none)
  --scale          instead, each read on a small database beside a large one, made with \`npm run bench:seed\` when there is none
  --peers          instead, what one would build else: better-auth, supabase-js, /rest/v1; installs them once
  --gateway        reads through the gateway too, the bare handler behind one as well
  --deep-page N    the deep page of a list (default 5000), so many times 20 rows are made
  --only WORD      the scenarios whose name contains it`;

const bare: Scenario = { name: "bare handler, one query", requests: [{ path: "/api/v1/bare" }] };

interface Options extends Pace {
  port: number | undefined;
  creates: number;
  deep_page: number;
  gateway: boolean;
  scale: boolean;
  peers: boolean;
  only: string;
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      port: { type: "string" },
      rounds: { type: "string", default: "5" },
      seconds: { type: "string", default: "1.5" },
      connections: { type: "string", default: "20" },
      creates: { type: "string", default: "2000" },
      "deep-page": { type: "string", default: "5000" },
      gateway: { type: "boolean", default: false },
      scale: { type: "boolean", default: false },
      peers: { type: "boolean", default: false },
      only: { type: "string", default: "" },
      help: { type: "boolean", short: "h" },
    },
  });
  if (values.help) {
    console.log(HELP);
    process.exit(0);
  }
  const [rounds, seconds, connections] = [
    Number(values.rounds),
    Number(values.seconds),
    Number(values.connections),
  ];
  if (!(rounds >= 1) || !(seconds > 0) || !(connections >= 1))
    throw new Problem("--rounds and --connections are at least 1, --seconds is more than 0.");
  return {
    port: values.port === undefined ? undefined : Number(values.port),
    rounds,
    seconds,
    connections,
    creates: Number(values.creates),
    deep_page: Math.max(2, Number(values["deep-page"])),
    gateway: values.gateway,
    scale: values.scale,
    peers: values.peers,
    only: values.only,
  };
}

async function main(): Promise<void> {
  const options = readOptions();
  const undo: (() => unknown)[] = [];
  const notes: string[] = [];
  const sections: Section[] = [];
  try {
    const { port, operator_key, stop } = await findStack(options.port);
    undo.push(stop);
    const ports = portsFrom(port);
    progress("Making accounts and pictures to read …");
    const facts = await seed(ports, operator_key, options.deep_page);
    if (options.scale) {
      const large = await openLarge((step) => progress(`Making the large database: ${step} …`));
      undo.push(large.stop);
      const sizes = await compareSizes({ ports, facts }, large, options, progress);
      progress("");
      console.log(describeSizes(sizes));
      if (!isScalable(sizes)) process.exitCode = 1;
      return;
    }
    const bare_port = port + 15;
    const bare_server = await startBare(databaseUrl(ports), bare_port);
    undo.push(bare_server.stop);

    const postgres_pid = findPostgres(ports.postgres);
    const api = {
      base: `http://${HOST}:${ports.functions.api}`,
      function_pid: findFunction(ports.functions.api),
      postgres_pid,
    };
    const bare_row = {
      scenario: bare,
      base: bare_server.base,
      function_pid: bare_server.pid,
      postgres_pid,
    };
    const own_stack = options.port === undefined;
    const chosen = (from: MakeScenario[]) =>
      from.map((make) => make(facts)).filter(({ name }) => name.includes(options.only));
    const rowsAt = (place: Omit<Row, "scenario">, scenarios: Scenario[]) =>
      scenarios.map((scenario) => ({ ...place, scenario }));
    const run = async (title: string, rows: Row[], ratio_to = "bare") => {
      if (rows.length < 2) return;
      const results = await compare(rows, options, (done, of) =>
        progress(`${title}: ${done} of ${of} rounds`),
      );
      sections.push({ title, ratio_to, results });
      progress("");
      console.log(table({ title, ratio_to, results }));
      if (results.some(({ failed }) => failed > 0)) process.exitCode = 1;
    };

    const finish = () => {
      const report: Report = { at: new Date().toISOString(), machine: machine(), sections, notes };
      console.log(`\n${report.machine}\n${save(report).join("\n")}`);
    };
    if (options.peers) {
      progress("Installing and starting the peers …");
      const peers = await startPeers(ports, facts, postgres_pid);
      undo.push(peers.stop);
      const own = rowsAt(api, [me(facts), status(facts)]);
      await run("Beside what one would build else", [bare_row, ...own, ...peers.rows]);
      return finish();
    }
    await run("Reads", [bare_row, ...rowsAt(api, chosen(reads))]);
    await run("Refused", [bare_row, ...rowsAt(api, chosen(refusals))]);
    if (own_stack) {
      await stallPredictions(ports.replicate);
      await run("Changes", [bare_row, ...rowsAt(api, chosen(changes))]);
      const hash = { base: `http://${HOST}:${ports.gateway}`, function_pid: undefined, postgres_pid };
      await run(
        "Login and what bounds it",
        [...rowsAt(hash, chosen([authSignIn])), ...rowsAt(api, chosen([changes.at(-1) as MakeScenario]))],
        "the sign-in at Auth alone",
      );
      if (options.creates > 0 && options.only === "")
        notes.push(await runCreates(api.base, facts, options.creates, api.function_pid));
    }
    if (options.gateway) {
      const [to_bare, to_api] = [await startGatewayTo(bare_port), await startGatewayTo(ports.functions.api)];
      undo.push(to_bare.stop, to_api.stop);
      await run("Through the gateway", [
        { scenario: bare, base: to_bare.base },
        ...rowsAt({ base: to_api.base }, chosen(reads)),
      ]);
    }
    finish();
  } finally {
    progress("");
    for (const step of undo.reverse()) await step();
  }
}

/** The stack that is named, or one for this run alone. */
async function findStack(port: number | undefined) {
  if (port !== undefined) return { port, operator_key: operatorKeyOf(port), stop: () => {} };
  progress("Starting a stack …");
  const own = await findFreeBase();
  const folder = mkdtempSync(join(tmpdir(), "cloud-api-bench-"));
  const clean = () => rmSync(folder, { recursive: true, force: true });
  const { stack, stop } = await openStack(["--port", String(own), "--data", folder]).catch((error) => {
    clean();
    throw error;
  });
  return { port: own, operator_key: stack.credentials.operator_key, stop: () => stop().finally(clean) };
}

/** From now on the look-alike takes predictions and makes no picture, whose drawing would be measured too. */
async function stallPredictions(port: number): Promise<void> {
  const response = await fetch(`http://${HOST}:${port}/_faults`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ fault: { kind: "stall" } }),
  });
  if (!response.ok)
    throw new Problem(`The image service could not be told to stall: ${await response.text()}`);
}

async function runCreates(
  base: string,
  facts: Facts,
  count: number,
  pid: number | undefined,
): Promise<string> {
  const creates = await measureCreates(base, createGeneration(facts), count, pid, (done) =>
    progress(`Creates with a picture: ${done} of ${count}`),
  );
  progress("");
  const sentence = describe(creates);
  console.log(`\n${sentence}`);
  if (creates.failed > 0 || creates.is_flat === false) process.exitCode = 1;
  return sentence;
}

function describe({ count, p50_ms, p99_ms, failed, memory_mb, is_flat }: Creates): string {
  const time = `${count} creates with a picture of 1 MB, two at once: p50 ${p50_ms.toFixed(1)} ms, p99 ${p99_ms.toFixed(1)} ms${failed > 0 ? `, ${failed} failed` : ""}.`;
  if (is_flat === undefined) return time;
  const samples = memory_mb
    .filter((_, at) => at % Math.ceil(memory_mb.length / 8) === 0)
    .map((mb) => mb.toFixed(0));
  return `${time} Memory of the function ${is_flat ? "is flat" : "grows"}: ${samples.join(", ")} MB.`;
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

/** One line that is written over, where somebody looks. */
function progress(line: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${line}`);
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Problem ? error.message : `The benchmark failed: ${reasonOf(error)}`);
  process.exitCode = 1;
}
