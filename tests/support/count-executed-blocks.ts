import { type Profiler, Session } from "node:inspector/promises";

/**
 * Counts how often `run` enters a block of the scripts that match. The count does not depend on the speed of the machine. A native
 * function counts once, whatever its work. V8 misses some blocks of optimized code, so compare the count only with an upper bound.
 */
export async function countExecutedBlocks(scripts: RegExp, run: () => unknown): Promise<number> {
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
