import { inScratch } from "../local/scratch.ts";
import type { Row } from "./compare.ts";
import { openOwnStack } from "./own-stack.ts";
import { startServer } from "./servers.ts";
import { percentile } from "./statistics.ts";
import { commandOf } from "./usage.ts";

/** The milliseconds until a new function on another port answers the first request of the scenario. */
export async function startFunctions(
  { function_pid, scenario: { requests } }: Row,
  [port, otherPort]: [number, number],
  rounds: number,
): Promise<number[]> {
  const running = commandOf(function_pid);
  if (running === undefined) return [];
  const moved = running.args.map((arg) =>
    arg.replaceAll(new RegExp(`\\b${port}\\b`, "g"), String(otherPort)),
  );
  return repeat(rounds, () => startServer(moved, otherPort, running.env, requests[0]));
}

/** The milliseconds until `npm start` on existing data is ready, without the time of npm itself. */
export const startStacks = (rounds: number): Promise<number[]> =>
  // The first start creates the data.
  inScratch(async (folder) => (await repeat(rounds + 1, () => openOwnStack(folder))).slice(1));

async function repeat(
  rounds: number,
  start: () => Promise<{ stop: () => Promise<void> }>,
): Promise<number[]> {
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const began = performance.now();
    const { stop } = await start();
    times.push(performance.now() - began);
    await stop();
  }
  return times;
}

/** The measurement as a sentence. */
export const describeStarts = (what: string, times: number[]) =>
  `${what}: p50 ${percentile(times, 0.5).toFixed(0)} ms, longest ${Math.max(...times).toFixed(0)} ms of ${times.length}.`;
