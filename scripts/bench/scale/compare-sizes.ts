import postgres from "postgres";
import { adminUrlOf } from "../../local/keys.ts";
import { loopback, type Ports } from "../../local/settings.ts";
import { compare, type Pace, type Result } from "../compare.ts";
import type { Scenario } from "../scenario.ts";
import { reads } from "../scenarios/all.ts";
import { managing, personal } from "../scenarios/managing.ts";
import type { Facts, Tenant } from "../seed.ts";
import { explainPolicies } from "./policies.ts";
import { countScans, newScans } from "./scans.ts";

export type Place = {
  ports: Ports;
  facts: Facts;
};

/** The most that a read may take on the large database, as a multiple of its time on the small one. */
const mostTimes = 1.5;

export type Sizes = {
  /**
   * Each read on the small database and on the large one. `ratio` is the time on the large one divided by that on the small one.
   */
  results: { name: string; small: Result; large: Result; times: number }[];
  /** The largest tenant: 10,000 people, and a tenth of all generations. */
  largest: Result[];
  scans: (readonly [string, number])[];
  policies: Awaited<ReturnType<typeof explainPolicies>>;
};

export async function compareSizes(
  small: Place,
  large: Place & { largest: Tenant },
  pace: Pace,
  report: (done: string) => void,
): Promise<Sizes> {
  const admin = postgres(adminUrlOf(large.ports), { max: 1, onnotice: () => {} });
  const two = { ...pace, connections: 2 };
  const at = ({ ports }: Place, scenario: Scenario) => ({
    scenario,
    base: `http://${loopback}:${ports.functions.api}`,
  });
  try {
    const before = await countScans(admin);
    const results: Sizes["results"] = [];
    const on_large = scenariosOf(large.facts);
    for (const [index, scenario] of scenariosOf(small.facts).entries()) {
      report(scenario.name);
      const rows = [at(small, scenario), at(large, on_large[index] as Scenario)];
      const [first, second] = (await compare(rows, two, () => {})) as [Result, Result];
      results.push({ name: scenario.name, small: first, large: second, times: 1 / second.ratio });
    }
    const rows = managing(large.largest).map((scenario) => at(large, scenario));
    const largest = await compare(rows, { ...two, rounds: 1 }, () => report("the largest tenant"));
    report("looking for scans");
    const scans = newScans(before, await countScans(admin));
    return { results, largest, scans, policies: await explainPolicies(admin, large.facts) };
  } finally {
    await admin.end();
  }
}

const scenariosOf = (facts: Facts) => [
  ...reads.map((make) => make(facts)),
  ...managing(facts),
  ...personal(facts),
];

/** Whether every read is fast enough, and none reads a big table from end to end. */
export const isScalable = ({ results, scans, policies }: Sizes) =>
  results.every(({ times, small, large }) => times <= mostTimes && small.failed + large.failed === 0) &&
  scans.length === 0 &&
  policies.every(({ reads }) => !reads.some((read) => read.startsWith("all of")));

export function describeSizes({ results, largest, scans, policies }: Sizes): string {
  const width = Math.max(...[...results, ...policies].map(({ name }) => name.length));
  const line = (name: string, ...cells: string[]) =>
    `${name.padEnd(width)}${cells.map((cell) => cell.padStart(12)).join("")}`;
  return [
    "",
    "Each read on a small database and on one of 10,000 projects, 100,000 people and 1,000,000 generations, two at once",
    "",
    line("", "small p50", "large p50", "times"),
    ...results.map(
      ({ name, small, large, times }) =>
        line(name, `${small.p50_ms.toFixed(1)} ms`, `${large.p50_ms.toFixed(1)} ms`, times.toFixed(2)) +
        (times > mostTimes ? `  more than ${mostTimes}` : "") +
        (small.failed + large.failed > 0 ? "  failed" : ""),
    ),
    "",
    "The tenant with more than any other: 10,000 people, a tenth of all generations",
    "",
    ...largest.map(
      ({ name, p50_ms, failed }) =>
        `${line(name, "", `${p50_ms.toFixed(1)} ms`)}${failed > 0 ? "  failed" : ""}`,
    ),
    "",
    scans.length === 0
      ? "No big table was read from end to end."
      : `Read from end to end: ${scans.map(([name, times]) => `${name} (${times} times)`).join(", ")}.`,
    "",
    "What policies alone make of a statement, on the large one",
    "",
    ...policies.map(({ name, ms, reads }) => `${line(name, `${ms.toFixed(1)} ms`)}  ${reads.join(", ")}`),
  ].join("\n");
}
