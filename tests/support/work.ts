import { type Profiler, Session } from "node:inspector/promises";

/**
 * How often V8 entered the blocks of the scripts that match, while `run` ran: what code does, told apart from how fast the
 * machine is. Native functions count once each, whatever they look at. V8 does not count all of what optimized code does: compare the
 * figure with an upper bound, never with another figure.
 */
export async function measureWork(scripts: RegExp, run: () => unknown): Promise<number> {
  const session = new Session();
  session.connect();
  try {
    await session.post("Profiler.enable");
    await session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
    await session.post("Profiler.takePreciseCoverage");
    await run();
    const { result } = await session.post("Profiler.takePreciseCoverage");
    return result.filter(({ url }) => scripts.test(url)).reduce((sum, script) => sum + countOf(script), 0);
  } finally {
    await session.post("Profiler.stopPreciseCoverage").catch(() => {});
    session.disconnect();
  }
}

const countOf = ({ functions }: Profiler.ScriptCoverage) =>
  functions.flatMap(({ ranges }) => ranges).reduce((sum, { count }) => sum + count, 0);
