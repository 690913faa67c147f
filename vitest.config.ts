import { defineConfig } from "vitest/config";
import { LongestFirst } from "./tests/support/longest-first.ts";

// `isolate: false`: one process runs many files, because loading the modules anew costs more than most of the tests.

// One stack serves every project that asks for it; the lifecycle tests start their own.
const onStack = {
  globalSetup: ["tests/support/shared-stack.ts"],
  // The first holds every answer against docs/openapi.json.
  setupFiles: ["tests/support/contract/watch.ts", "tests/support/within-one-day.ts"],
  testTimeout: 60_000,
  hookTimeout: 180_000,
  isolate: false,
};

export default defineConfig({
  test: {
    // More than the cores of a small machine: the longest suites wait for clocks and restarts.
    maxWorkers: 5,
    sequence: { sequencer: LongestFirst },
    // Tests that wait together for the same thing, such as a database that does not answer.
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
      { test: { name: "db", include: ["tests/db/**/*.test.ts"], ...onStack } },
      { test: { name: "api", include: ["tests/api/**/*.test.ts"], ...onStack } },
      { test: { name: "attack", include: ["tests/attack/**/*.test.ts"], ...onStack } },
      { test: { name: "e2e", include: ["tests/e2e/**/*.test.ts"], ...onStack } },
      // Needs a Chromium, so it runs by `npm run test:browser` only.
      { test: { name: "browser", include: ["tests/browser/**/*.test.ts"], ...onStack } },
      { test: { name: "faults", include: ["tests/faults/**/*.test.ts"], ...onStack } },
    ],
  },
});
