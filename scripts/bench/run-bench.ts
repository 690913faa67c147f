import { keysOfPort } from "../local/keys.ts";
import { Problem } from "../local/problem.ts";
import { databaseUrl, loopback, portsFrom } from "../local/settings.ts";
import { compare, type Row } from "./compare.ts";
import { describeCreates, measureCreates } from "./creates.ts";
import { findStack } from "./find-stack.ts";
import type { Options } from "./options.ts";
import { progress } from "./progress.ts";
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
import { describeStarts, startFunctions, startStacks } from "./starts.ts";
import { findFunction, findPostgres } from "./usage.ts";

const bare: Scenario = { name: "bare handler, one query", requests: [{ path: "/api/v1/bare" }] };

export async function runBench(options: Options): Promise<void> {
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
    const bare_server = await startBare(databaseUrl(ports, keysOfPort(port).database_password), bare_port);
    undo.push(bare_server.stop);
    const bare_other = await startBare(
      databaseUrl(ports, keysOfPort(port).database_password),
      port + 17,
      "bare-postgres-js",
    );
    undo.push(bare_other.stop);

    const postgres_pid = findPostgres(ports.postgres);
    const api = {
      base: `http://${loopback}:${ports.functions.api}`,
      function_pid: findFunction(ports.functions.api),
      postgres_pid,
    };
    const bare_row = {
      scenario: bare,
      base: bare_server.base,
      function_pid: bare_server.pid,
      postgres_pid,
    };
    const other_row = {
      scenario: { ...bare, name: "bare handler, postgres.js" },
      base: bare_other.base,
      function_pid: bare_other.pid,
      postgres_pid,
    };
    const own_stack = options.port === undefined;
    const chosen = (from: MakeScenario[]) =>
      from.map((make) => make(facts)).filter(({ name }) => name.includes(options.only));
    const rowsAt = (place: Omit<Row, "scenario">, scenarios: Scenario[]) =>
      scenarios.map((scenario) => ({ ...place, scenario }));
    const run = async (title: string, rows: Row[], ratioTo = "bare") => {
      if (rows.length < 2) return;
      const results = await compare(rows, options, (done, of) =>
        progress(`${title}: ${done} of ${of} rounds`),
      );
      sections.push({ title, ratio_to: ratioTo, results });
      progress("");
      console.log(table({ title, ratio_to: ratioTo, results }));
      if (results.some(({ failed }) => failed > 0)) process.exitCode = 1;
    };

    const finish = () => {
      const report: Report = { at: new Date().toISOString(), machine: machine(), sections, notes };
      console.log(`\n${report.machine}\n${save(report)}`);
    };
    if (options.peers) {
      progress("Installing and starting the peers …");
      const { startPeers } = await import("./peers/start-peers.ts");
      const peers = await startPeers(ports, facts, postgres_pid);
      undo.push(peers.stop);
      notes.push(...peers.notes);
      const own = rowsAt(api, [me(facts), status(facts)]);
      await run("Beside what one would build else", [bare_row, ...own, ...peers.rows]);
      for (const note of peers.notes) console.log(`\n${note}`);
      return finish();
    }
    await run("Reads", [bare_row, other_row, ...rowsAt(api, chosen(reads))]);
    await run("Refused", [bare_row, ...rowsAt(api, chosen(refusals))]);
    if (options.starts > 0 && options.only === "")
      notes.push(...(await runStarts(api, port, me(facts), options)));
    if (own_stack) {
      await stallPredictions(ports.replicate);
      await run("Changes", [bare_row, ...rowsAt(api, chosen(changes))]);
      const hash = { base: `http://${loopback}:${ports.gateway}`, function_pid: undefined, postgres_pid };
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

/** From now on the look-alike accepts predictions and draws no picture, because drawing would be measured too. */
async function stallPredictions(port: number): Promise<void> {
  const response = await fetch(`http://${loopback}:${port}/_faults`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ fault: { kind: "stall" } }),
  });
  if (!response.ok)
    throw new Problem(`The image service could not be told to stall: ${await response.text()}`);
}

async function runStarts(
  { function_pid }: Pick<Row, "function_pid">,
  port: number,
  first: Scenario,
  { starts }: Pick<Options, "starts">,
): Promise<string[]> {
  progress("Starting functions and stacks …");
  const functions = await startFunctions(
    function_pid,
    portsFrom(port).functions.api,
    port + 16,
    first,
    starts,
  );
  const sentences = [
    ...(functions.length > 0
      ? [describeStarts("A function, from its start to its first `me`", functions)]
      : []),
    describeStarts("`npm start` on data that is there", await startStacks(Math.ceil(starts / 3))),
  ];
  progress("");
  console.log(`\n${sentences.join("\n")}`);
  return sentences;
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
  const sentence = describeCreates(creates);
  console.log(`\n${sentence}`);
  if (creates.failed > 0 || creates.is_flat === false) process.exitCode = 1;
  return sentence;
}
