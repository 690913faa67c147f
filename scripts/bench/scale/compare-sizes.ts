import { loopback, type Ports } from "../../local/settings.ts";
import { compare, type Pace, type Result } from "../compare.ts";
import { textTable } from "../report.ts";
import { managing, personal, reads } from "../scenarios.ts";
import type { Facts, Tenant } from "../seed.ts";

export type Place = {
  ports: Ports;
  facts: Facts;
};

/** The most that a read may take on the large database, as a multiple of its time on the small one. */
const mostTimes = 1.5;

type Sizes = {
  /** Each read on the small database and on the large one. `times` is the time on the large one divided by that on the small one. */
  results: { small: Result; large: Result; times: number }[];
  /** The largest tenant: 10,000 people, and a tenth of all generations. */
  largest: Result[];
};

export async function compareSizes(
  small: Place,
  large: Place & { largest: Tenant },
  pace: Pace,
  report: (done: string) => void,
): Promise<Sizes> {
  const two = { ...pace, connections: 2 };
  const baseOf = ({ ports }: Place) => `http://${loopback}:${ports.functions.api}`;
  const rowsOf = (place: Place) =>
    [...reads(place.facts), ...managing(place.facts), ...personal(place.facts)].map((scenario) => ({
      scenario,
      base: baseOf(place),
    }));
  const onLarge = rowsOf(large);
  const results: Sizes["results"] = [];
  for (const [at, row] of rowsOf(small).entries()) {
    report(row.scenario.name);
    const [first, second] = (await compare([row, onLarge[at] ?? row], two, () => {})) as [Result, Result];
    results.push({ small: first, large: second, times: 1 / second.ratio });
  }
  const rows = managing(large.largest).map((scenario) => ({ scenario, base: baseOf(large) }));
  const largest = await compare(rows, { ...two, rounds: 1 }, () => report("the largest tenant"));
  return { results, largest };
}

/** Whether every read is right and fast enough. A table that is read from end to end would take many times as long. */
export const isScalable = ({ results, largest }: Sizes) =>
  results.every(({ times, small, large }) => times <= mostTimes && small.failed + large.failed === 0) &&
  largest.every(({ failed }) => failed === 0);

const ms = ({ p50_ms }: Result) => `${p50_ms.toFixed(1)} ms`;

export const describeSizes = ({ results, largest }: Sizes) => `
Each read on a small database and on one of 10,000 projects, 100,000 people and 1,000,000 generations, two at once

${textTable([
  ["", "small p50", "large p50", "times", ""],
  ...results.map(({ small, large, times }) => [
    small.name,
    ms(small),
    ms(large),
    times.toFixed(2),
    small.failed + large.failed > 0 ? "failed" : times > mostTimes ? `more than ${mostTimes}` : "",
  ]),
])}

The tenant with more than any other: 10,000 people, a tenth of all generations

${textTable([["", "p50", ""], ...largest.map((one) => [one.name, ms(one), one.failed > 0 ? "failed" : ""])])}`;
