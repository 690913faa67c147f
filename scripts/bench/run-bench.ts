import { join } from "node:path";
import { storedOperatorKey } from "../doctor/target.ts";
import { adminUrlOf, keysOfPort } from "../local/keys.ts";
import { Problem } from "../local/problem.ts";
import { databaseUrl, loopback, pathsFor, portsFrom, repositoryRoot } from "../local/settings.ts";
import { compare, type Pace, type Row } from "./compare.ts";
import { measureCreates } from "./creates.ts";
import { openAdmin, openOwnStack } from "./own-stack.ts";
import { describeSection, progress, type Section, save } from "./report.ts";
import { compareSizes, describeSizes, isScalable, type Place } from "./scale/compare-sizes.ts";
import { openLarge } from "./scale/large-stack.ts";
import * as scenarios from "./scenarios.ts";
import { seed } from "./seed.ts";
import { startDeno } from "./servers.ts";
import { describeStarts, startFunctions, startStacks } from "./starts.ts";
import { findFunction, findPostgres } from "./usage.ts";

export type BenchOptions = Pace & {
  port: number | undefined;
  creates: number;
  starts: number;
  deep_page: number;
  scale: boolean;
  peers: boolean;
  only: string;
};

type Undo = (() => unknown)[];

export async function runBench(options: BenchOptions): Promise<void> {
  const undo: Undo = [];
  try {
    progress("Starting a stack …");
    const { ports, operator_key, admin, stop } =
      options.port === undefined ? await openOwnStack() : findStack(options.port);
    undo.push(stop);
    progress("Making accounts and pictures to read …");
    const facts = await seed(ports, operator_key, admin, options.deep_page);
    if (options.scale) await compareWithLarge(options, { ports, facts }, undo);
    else await compareWithBare(options, { ports, facts }, undo);
  } finally {
    progress("");
    for (const step of undo.reverse()) await step();
  }
}

/** The stack that runs on this port. */
function findStack(port: number) {
  const ports = portsFrom(port);
  const { credentials } = pathsFor(join(repositoryRoot, ".local", String(port)));
  const operator_key = process.env.CLOUD_API_OPERATOR_KEY || storedOperatorKey(credentials);
  if (operator_key === undefined)
    throw new Problem(
      `No operator key for port ${port}: start the stack there, or set CLOUD_API_OPERATOR_KEY.`,
    );
  const admin = openAdmin(adminUrlOf(ports));
  return { ports, operator_key, admin, stop: () => admin.end() };
}

async function compareWithLarge(pace: Pace, small: Place, undo: Undo): Promise<void> {
  const large = await openLarge((step) => progress(`Making the large database: ${step} …`));
  undo.push(large.stop);
  const sizes = await compareSizes(small, large, pace, progress);
  progress("");
  console.log(describeSizes(sizes));
  if (!isScalable(sizes)) process.exitCode = 1;
}

async function compareWithBare(options: BenchOptions, { ports, facts }: Place, undo: Undo): Promise<void> {
  const sections: Section[] = [];
  const notes: string[] = [];
  const section = async (title: string, rows: Row[], ratio_to = "the bare handler") => {
    if (rows.length < 2) return;
    const results = await compare(rows, options, (done, of) => progress(`${title}: ${done} of ${of} rounds`));
    progress("");
    console.log(describeSection({ title, ratio_to, results }));
    sections.push({ title, ratio_to, results });
    if (results.some(({ failed }) => failed > 0)) process.exitCode = 1;
  };
  const note = (...sentences: string[]) => {
    progress("");
    for (const sentence of sentences) console.log(`\n${sentence}`);
    notes.push(...sentences);
  };

  const postgres_pid = findPostgres(ports.postgres);
  const barePort = ports.gateway + 15;
  const { base, pid, stop } = await startDeno(
    "scripts/bench/bare/index.ts",
    barePort,
    `${loopback}:${ports.postgres}`,
    {
      DATABASE_URL: databaseUrl(ports, keysOfPort(ports.gateway).database_password),
    },
  );
  undo.push(stop);
  const bareRow: Row = { scenario: scenarios.bare, base, function_pid: pid, postgres_pid };
  const function_pid = findFunction(ports.functions.api);
  const toApi = (scenario: scenarios.Scenario): Row => ({
    scenario,
    base: `http://${loopback}:${ports.functions.api}`,
    function_pid,
    postgres_pid,
  });
  const chosen = (...all: scenarios.Scenario[]) => all.filter(({ name }) => name.includes(options.only));

  if (options.peers) {
    progress("Installing and starting the peers …");
    const { startPeers } = await import("../../bench-peers/start-peers.ts");
    const peers = await startPeers(ports, facts, postgres_pid);
    undo.push(peers.stop);
    const own = [scenarios.me(facts), scenarios.status(facts)].map(toApi);
    await section("Beside what one would build else", [bareRow, ...own, ...peers.rows]);
    note(...peers.notes);
  } else {
    await section("Reads", [bareRow, ...chosen(...scenarios.reads(facts)).map(toApi)]);
    await section("Refused", [bareRow, ...chosen(...scenarios.refusals(facts)).map(toApi)]);
    if (options.starts > 0 && options.only === "") {
      progress("Starting functions and stacks …");
      const moved: [number, number] = [ports.functions.api, ports.gateway + 16];
      const functions = await startFunctions(function_pid, moved, scenarios.me(facts), options.starts);
      const stacks = await startStacks(Math.ceil(options.starts / 3));
      if (functions.length > 0)
        note(describeStarts("A function, from its start to its first `me`", functions));
      note(describeStarts("`npm start` on data that is there", stacks));
    }
    if (options.port === undefined) {
      await stallPredictions(ports.replicate);
      const create = await scenarios.createGeneration(facts);
      const changes = chosen(scenarios.createProject(facts), create, scenarios.login(facts));
      await section("Changes", [bareRow, ...changes.map(toApi)]);
      const hash = {
        scenario: scenarios.authSignIn(facts),
        base: `http://${loopback}:${ports.gateway}`,
        postgres_pid,
      };
      const logins = chosen(scenarios.login(facts)).map(toApi);
      await section("Login and what bounds it", [hash, ...logins], "the sign-in at Auth alone");
      if (options.creates > 0 && options.only === "") {
        const { sentence, is_right } = await measureCreates(toApi(create), options.creates, (done) =>
          progress(`Creates with a picture: ${done} of ${options.creates}`),
        );
        note(sentence);
        if (!is_right) process.exitCode = 1;
      }
    }
  }
  const { machine, file } = save(sections, notes);
  console.log(`\n${machine}\n${file}`);
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
