import { defineConfig } from "vitest/config";
import { LongestFirst } from "./tests/support/longest-first.ts";

// `isolate: false`: one process runs many files, because loading the modules again takes longer than most tests.

// All projects share one stack, except that the lifecycle tests start their own.
const onStack = {
  globalSetup: ["tests/support/shared-stack.ts"],
  // The first file checks every answer against docs/openapi.json.
  setupFiles: ["tests/support/contract/watch.ts", "tests/support/within-one-day.ts"],
  // Only a hung test takes this long: on a loaded machine a test may need several times its usual time.
  testTimeout: 180_000,
  hookTimeout: 180_000,
  isolate: false,
};

/** The suites on the stack. Only files of one project share processes, so a full run combines them in one project, `stack`. */
const suites = ["db", "api", "attack", "e2e", "faults"];
const stack = { name: "stack", include: suites.map((name) => `tests/${name}/**/*.test.ts`), ...onStack };

export default defineConfig({
  test: {
    // More workers than a small machine has cores, because the longest suites wait for clocks and restarts.
    maxWorkers: 5,
    sequence: { sequencer: LongestFirst },
    // For concurrent tests that wait, for example for a database that does not answer.
    maxConcurrency: 100,
    projects: [
      {
        test: {
          name: "unit",
          include: [
            "tests/unit/**/*.test.ts",
            "supabase/functions/**/*.test.ts",
            "packages/**/*.test.ts",
            "scripts/**/*.test.ts",
          ],
          testTimeout: 30_000,
          hookTimeout: 30_000,
          isolate: false,
        },
      },
      ...[...suites, "browser"].map((name) => ({
        test: { name, include: [`tests/${name}/**/*.test.ts`], ...onStack },
      })),
      ...(process.argv.includes(stack.name) ? [{ test: stack }] : []),
    ],
  },
});
