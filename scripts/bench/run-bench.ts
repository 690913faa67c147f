import { operatorKeyOf } from "../doctor/target.ts";
import { adminUrlOf, keysOfPort } from "../local/keys.ts";
import { Problem } from "../local/problem.ts";
import { inScratch } from "../local/scratch.ts";
import { databaseUrl, loopback, portsFrom } from "../local/settings.ts";
import { compare, type Pace, type Row } from "./compare.ts";
import { measureCreates } from "./creates.ts";
import { openAdmin, openOwnStack } from "./own-stack.ts";
import { describeSection, type Section, save } from "./report.ts";
import { compareSizes, type Place } from "./scale/compare-sizes.ts";
import { openLarge } from "./scale/large-stack.ts";
import * as scenarios from "./scenarios.ts";
import { seed } from "./seed.ts";
import { startDeno } from "./servers.ts";
import { describeStarts, startFunctions, startStacks } from "./starts.ts";
import { findFunction, findPostgres } from "./usage.ts";

type BenchOptions = Pace & {
  port: number | undefined;
  creates: number;
  starts: number;
  deep_page: number;
  scale: boolean;
  peers: boolean;
  only: string;
};

type Undo = (() => unknown)[];

export const runBench = (options: BenchOptions): Promise<void> =>
  inScratch((folder) => measure(options, folder));

async function measure(options: BenchOptions, folder: string): Promise<void> {
  const undo: Undo = [];
  try {
    console.error("Starting a stack and creating accounts and pictures …");
    const { ports, operator_key, admin, stop } =
      options.port === undefined ? await openOwnStack(folder) : findStack(options.port);
    undo.push(stop);
    const facts = await seed(ports, operator_key, admin, options.deep_page);
    if (!options.scale) return await compareWithBare(options, { ports, facts }, undo);
    const large = await openLarge();
    undo.push(large.stop);
    if (!(await compareSizes({ ports, facts }, large, options))) process.exitCode = 1;
  } finally {
    for (const step of undo.reverse()) await step();
  }
}

/** The stack on this port. */
function findStack(port: number) {
  const ports = portsFrom(port);
  const admin = openAdmin(adminUrlOf(ports));
  return { ports, operator_key: operatorKeyOf(port), admin, stop: () => admin.end() };
}

/** A run beside the bare handler: its stack, and the functions that measure and report. */
type Run = Place & {
  options: BenchOptions;
  bare: Row;
  toApi: (scenario: scenarios.Scenario) => Row;
  /** Measures the rows, and prints and stores them if there is something to compare. */
  section: (title: string, rows: Row[], ratio_to?: string) => Promise<void>;
  note: (...sentences: string[]) => void;
};

async function compareWithBare(options: BenchOptions, place: Place, undo: Undo): Promise<void> {
  const { ports } = place;
  const sections: Section[] = [];
  const notes: string[] = [];
  const postgres_pid = findPostgres(ports.postgres);
  const function_pid = findFunction(ports.functions.api);
  const server = await startDeno(
    "scripts/bench/bare/index.ts",
    ports.gateway + 15,
    `${loopback}:${ports.postgres}`,
    { DATABASE_URL: databaseUrl(ports, keysOfPort(ports.gateway).database_password) },
  );
  undo.push(server.stop);
  const run: Run = {
    ...place,
    options,
    bare: { scenario: scenarios.bare, base: server.base, function_pid: server.pid, postgres_pid },
    toApi: (scenario) => ({
      scenario,
      base: `http://${loopback}:${ports.functions.api}`,
      function_pid,
      postgres_pid,
    }),
    async section(title, rows, ratio_to = "the bare handler") {
      const chosen = rows.filter(({ scenario }, at) => at === 0 || scenario.name.includes(options.only));
      if (chosen.length < 2) return;
      const results = await compare(chosen, options);
      console.log(describeSection({ title, ratio_to, results }));
      sections.push({ title, ratio_to, results });
      if (results.some(({ failed }) => failed > 0)) process.exitCode = 1;
    },
    note(...sentences) {
      for (const sentence of sentences) console.log(`\n${sentence}`);
      notes.push(...sentences);
    },
  };
  if (options.peers) await measurePeers(run, undo);
  else {
    await run.section("Reads", [run.bare, ...scenarios.reads(run.facts).map(run.toApi)]);
    await run.section("Refused", [run.bare, ...scenarios.refusals(run.facts).map(run.toApi)]);
    if (options.starts > 0 && options.only === "") await measureStarts(run);
    if (options.port === undefined) await measureChanges(run);
  }
  const { machine, file } = save(sections, notes);
  console.log(`\n${machine}\n${file}`);
}

async function measurePeers({ ports, facts, bare, toApi, section, note }: Run, undo: Undo): Promise<void> {
  console.error("Installing and starting the peers …");
  const { startPeers } = await import("../../bench-peers/start-peers.ts");
  const peers = await startPeers(ports, facts, bare.postgres_pid);
  undo.push(peers.stop);
  const own = [scenarios.me(facts), scenarios.status(facts)].map(toApi);
  await section("Beside other products", [bare, ...own, ...peers.rows]);
  note(...peers.notes);
}

async function measureStarts({ options, ports, facts, toApi, note }: Run): Promise<void> {
  console.error("\nStarting functions and stacks …");
  const first = toApi(scenarios.me(facts));
  const moved: [number, number] = [ports.functions.api, ports.gateway + 16];
  const functions = await startFunctions(first, moved, options.starts);
  const stacks = await startStacks(Math.ceil(options.starts / 3));
  if (functions.length > 0) note(describeStarts("A function, from its start to its first `me`", functions));
  note(describeStarts("`npm start` on existing data", stacks));
}

async function measureChanges({ options, ports, facts, bare, toApi, section, note }: Run): Promise<void> {
  await stallPredictions(ports.replicate);
  const create = toApi(await scenarios.createGeneration(facts));
  const [project, login] = [toApi(scenarios.createProject(facts)), toApi(scenarios.login(facts))];
  await section("Changes", [bare, project, create, login]);
  const { postgres_pid } = bare;
  const hash = {
    scenario: scenarios.authSignIn(facts),
    base: `http://${loopback}:${ports.gateway}`,
    postgres_pid,
  };
  await section("Login and its lower bound", [hash, login], "the sign-in at Auth alone");
  if (options.creates === 0 || options.only !== "") return;
  const { sentence, is_right } = await measureCreates(create, options.creates);
  note(sentence);
  if (!is_right) process.exitCode = 1;
}

/** Makes the look-alike accept predictions without drawing pictures, because the drawing would be measured too. */
async function stallPredictions(port: number): Promise<void> {
  const response = await fetch(`http://${loopback}:${port}/_faults`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ fault: { kind: "stall" } }),
  });
  if (!response.ok)
    throw new Problem(`The image service did not accept the fault \`stall\`: ${await response.text()}`);
}
