import autocannon from "autocannon";
import type { Request, Scenario } from "./scenarios.ts";
import { percentile } from "./statistics.ts";
import { type Usage, usageOf } from "./usage.ts";

/** A scenario on one server. */
export type Row = {
  scenario: Scenario;
  base: string;
  /** The processes whose CPU time is measured. */
  function_pid?: number | undefined;
  postgres_pid?: number | undefined;
};

export type Pace = {
  seconds: number;
  /** Instead of seconds: each round ends after so many. */
  requests?: number | undefined;
  rounds: number;
  connections: number;
};

type Cost = {
  cpu_us_per_request: number;
  memory_mb: number;
};

export type Result = {
  name: string;
  requests_per_second: number;
  p50_ms: number;
  p95_ms: number;
  p99_ms: number;
  failed: number;
  /** The median over the rounds. Each round is compared with the neighboring round of the first row. */
  ratio: number;
  function: Cost | undefined;
  postgres: Cost | undefined;
};

type Round = {
  requests_per_second: number;
  latencies_ms: number[];
  /** Answers with an unexpected status, and requests without an answer. */
  failed: number;
  function: Usage | undefined;
  postgres: Usage | undefined;
};

/**
 * Measures all rows in turn, round by round, so that noise affects all equally. The first round is a warm-up and does not
 * count.
 */
export async function compare(rows: Row[], pace: Pace): Promise<Result[]> {
  const warmUp = { ...pace, seconds: Math.min(1, pace.seconds) };
  const rounds: Round[][] = rows.map(() => []);
  for (let turn = 0; turn <= pace.rounds; turn++) {
    for (const [at, row] of rows.entries()) {
      const round = await runRound(row, turn === 0 ? warmUp : pace);
      if (turn > 0) rounds[at]?.push(round);
    }
  }
  return rows.map(({ scenario }, at) => resultOf(scenario.name, rounds[at] ?? [], rounds[0] ?? []));
}

async function runRound(row: Row, pace: Pace): Promise<Round> {
  const look = () => [usageOf(row.function_pid), usageOf(row.postgres_pid)];
  const before = look();
  const load = await send(row, pace);
  const [ofFunction, ofPostgres] = look().map(
    (after, at) => after && { ...after, cpu_ms: after.cpu_ms - (before[at]?.cpu_ms ?? 0) },
  );
  return { ...load, function: ofFunction, postgres: ofPostgres };
}

/** Sends as many requests as `connections` allow for `seconds`, or the given number of them. */
async function send({ base, scenario }: Row, { seconds, requests: amount, connections }: Pace) {
  const { requests, method = "GET", status = 200, connections: most = connections } = scenario;
  const latencies_ms: number[] = [];
  let wrong = 0;
  let clients = 0;
  const start = performance.now();
  const result = await new Promise<autocannon.Result>((resolve, reject) => {
    const run = autocannon(
      {
        url: base,
        connections: Math.min(connections, most),
        ...(amount === undefined ? { duration: seconds } : { amount }),
        // autocannon checks at this interval whether the round is over. Its default is a second.
        sampleInt: amount === undefined ? Math.min(500, seconds * 500) : 20,
        // Each connection begins with the first request, so the requests are rotated, and connections send different ones.
        setupClient: (client) => {
          const from = clients++ % requests.length;
          const rotated: Request[] = [...requests.slice(from), ...requests.slice(0, from)];
          client.setRequests(rotated.map((request) => ({ method, ...request })));
        },
      },
      (error, finished) => (error ? reject(error) : resolve(finished)),
    );
    // Its own histogram counts whole milliseconds, and a read takes less than one.
    run.on("response", (_client, code, _bytes, ms) => {
      latencies_ms.push(ms);
      if (code !== status) wrong++;
    });
  });
  return {
    requests_per_second: (latencies_ms.length * 1_000) / (performance.now() - start),
    latencies_ms,
    failed: wrong + result.errors + result.timeouts,
  };
}

function resultOf(name: string, rounds: Round[], first: Round[]): Result {
  const latencies = rounds.flatMap(({ latencies_ms }) => latencies_ms);
  const sum = (numberOf: (round: Round) => number) => rounds.reduce((total, one) => total + numberOf(one), 0);
  const cost = (part: "function" | "postgres"): Cost | undefined =>
    rounds[0]?.[part] && {
      cpu_us_per_request: (sum((round) => round[part]?.cpu_ms ?? 0) * 1000) / latencies.length,
      memory_mb: Math.max(...rounds.map((round) => round[part]?.memory_mb ?? 0)),
    };
  const ratios = rounds.map(
    (round, at) => round.requests_per_second / (first[at]?.requests_per_second ?? Number.NaN),
  );
  return {
    name,
    requests_per_second: sum((round) => round.requests_per_second) / rounds.length,
    p50_ms: percentile(latencies, 0.5),
    p95_ms: percentile(latencies, 0.95),
    p99_ms: percentile(latencies, 0.99),
    failed: sum(({ failed }) => failed),
    ratio: percentile(ratios, 0.5),
    function: cost("function"),
    postgres: cost("postgres"),
  };
}
