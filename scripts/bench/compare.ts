import { measure, percentile, type Round } from "./measure.ts";
import type { Scenario } from "./scenario.ts";
import { type Usage, usageOf } from "./usage.ts";

/** A scenario at one server. */
export type Row = {
  scenario: Scenario;
  base: string;
  /** Processes that do its work. */
  function_pid?: number | undefined;
  postgres_pid?: number | undefined;
};

export type Result = {
  name: string;
  requests_per_second: number;
  p50_ms: number;
  p95_ms: number;
  p99_ms: number;
  failed: number;
  /** Median over the rounds, each compared with the round of the first row next to it. */
  ratio: number;
  function: Cost | undefined;
  postgres: Cost | undefined;
};

export type Cost = {
  cpu_us_per_request: number;
  memory_mb: number;
};

export type Pace = {
  seconds: number;
  rounds: number;
  connections: number;
};

type Measured = {
  row: Row;
  rounds: Round[];
  spent: { function: number; postgres: number };
  memory: Record<Part, number>;
};
type Part = "function" | "postgres";

/**
 * Rounds of all rows take turns, so that noise of the machine affects all equally. The first round is a warm-up and does not
 * count.
 */
export async function compare(
  rows: Row[],
  pace: Pace,
  report: (done: number, of: number) => void,
): Promise<Result[]> {
  const measured: Measured[] = rows.map((row) => ({
    row,
    rounds: [],
    spent: { function: 0, postgres: 0 },
    memory: { function: 0, postgres: 0 },
  }));
  const of = rows.length * (pace.rounds + 1);
  let done = 0;
  for (const row of rows) {
    await measure(row.base, row.scenario, {
      seconds: Math.min(1, pace.seconds),
      connections: pace.connections,
    });
    report(++done, of);
  }
  for (let round = 0; round < pace.rounds; round++) {
    for (const one of measured) {
      await runOne(one, pace);
      report(++done, of);
    }
  }
  const first = measured[0]?.rounds ?? [];
  return measured.map((one) => resultOf(one, first));
}

async function runOne({ row, rounds, spent, memory }: Measured, pace: Pace): Promise<void> {
  const look = (): Record<Part, Usage | undefined> => ({
    function: usageOf(row.function_pid),
    postgres: usageOf(row.postgres_pid),
  });
  const before = look();
  rounds.push(await measure(row.base, row.scenario, pace));
  const after = look();
  for (const part of ["function", "postgres"] as const) {
    spent[part] += (after[part]?.cpu_ms ?? 0) - (before[part]?.cpu_ms ?? 0);
    memory[part] = Math.max(memory[part], after[part]?.memory_bytes ?? 0);
  }
}

function resultOf({ row, rounds, spent, memory }: Measured, first: Round[]): Result {
  const latencies = rounds.flatMap(({ latencies_ms }) => latencies_ms);
  const requests = rounds.reduce((sum, round) => sum + round.requests, 0);
  const cost = (part: Part): Cost | undefined =>
    memory[part] === 0
      ? undefined
      : { cpu_us_per_request: (spent[part] * 1000) / requests, memory_mb: memory[part] / 1024 / 1024 };
  return {
    name: row.scenario.name,
    requests_per_second: rounds.reduce((sum, round) => sum + round.requests_per_second, 0) / rounds.length,
    p50_ms: percentile(latencies, 0.5),
    p95_ms: percentile(latencies, 0.95),
    p99_ms: percentile(latencies, 0.99),
    failed: rounds.reduce((sum, round) => sum + round.failed, 0),
    ratio: percentile(
      rounds.map((round, at) => round.requests_per_second / (first[at]?.requests_per_second ?? Number.NaN)),
      0.5,
    ),
    function: cost("function"),
    postgres: cost("postgres"),
  };
}
