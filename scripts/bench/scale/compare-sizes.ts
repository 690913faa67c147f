import { loopback, type Ports } from "../../local/settings.ts";
import { compare, type Pace, type Result } from "../compare.ts";
import { textTable } from "../report.ts";
import { managing, personal, reads, type Scenario } from "../scenarios.ts";
import type { Facts, Tenant } from "../seed.ts";

export type Place = {
  ports: Ports;
  facts: Facts;
};

/** The limit for a read on the large database, as a multiple of its time on the small one. */
const mostTimes = 1.5;

/**
 * Prints each read on the small database and on the large one, and those of its largest tenant. `times` is the time on
 * the large one divided by that on the small one. A sequential scan makes it large.
 * @returns whether every read is correct and fast enough
 */
export async function compareSizes(
  small: Place,
  large: Place & { largest: Tenant },
  pace: Pace,
): Promise<boolean> {
  const two = { ...pace, connections: 2 };
  const rowOf = (scenario: Scenario, { ports }: Place) => ({
    scenario,
    base: `http://${loopback}:${ports.functions.api}`,
  });
  const all = ({ facts }: Place) => [...reads(facts), ...managing(facts), ...personal(facts)];
  const ms = ({ p50_ms }: Result) => `${p50_ms.toFixed(1)} ms`;
  const onLarge = all(large);
  const sizes = [["", "small p50", "large p50", "times", ""]];
  for (const [at, scenario] of all(small).entries()) {
    const rows = [rowOf(scenario, small), rowOf(onLarge[at] ?? scenario, large)];
    const [first, second] = (await compare(rows, two)) as [Result, Result];
    const times = 1 / second.ratio;
    const wrong =
      first.failed + second.failed > 0 ? "failed" : times > mostTimes ? `more than ${mostTimes}` : "";
    sizes.push([scenario.name, ms(first), ms(second), times.toFixed(2), wrong]);
  }
  const rows = managing(large.largest).map((scenario) => rowOf(scenario, large));
  const results = await compare(rows, { ...two, rounds: 1 });
  const largest = results.map((one) => [one.name, ms(one), one.failed > 0 ? "failed" : ""]);
  console.log(`
Each read on a small database and on one of 10,000 projects, 100,000 people and 1,000,000 generations, two at once

${textTable(sizes)}

The largest tenant: 10,000 people, a tenth of all generations

${textTable([["", "p50", ""], ...largest])}`);
  return [...sizes, ...largest].every((row) => row.at(-1) === "");
}
