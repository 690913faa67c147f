import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { BaseSequencer, type TestSpecification } from "vitest/node";
import { repositoryRoot } from "../../scripts/local/settings.ts";

/** These files wait for minutes and compute little, so all other files run beside them. */
const first = [
  "tests/e2e/sdk-package.test.ts",
  "tests/faults/generation-outage.test.ts",
  "tests/e2e/stack-lifecycle.test.ts",
  "tests/attack/regressions.test.ts",
  "tests/api/generation-events.test.ts",
  "scripts/bootstrap/install.test.ts",
].map((path) => join(repositoryRoot, path));

/**
 * The other files are sorted by suite. Suites that wait most come first. Unit tests are a project of their own, with
 * processes of its own.
 */
const suites = ["faults", "e2e", "browser", "attack", "api", "db"].map((name) =>
  join(repositoryRoot, "tests", name),
);

/** These files come first in their suite. If they began last, each would run alone at the end. */
const longest = [
  "tests/faults/auth-answers.test.ts",
  "tests/e2e/seed.test.ts",
  "tests/e2e/target.test.ts",
  "tests/faults/generation-killed.test.ts",
  "tests/e2e/bench.test.ts",
  "tests/e2e/local-servers.test.ts",
  "tests/e2e/sdk.test.ts",
  "tests/faults/neighbours.test.ts",
  "tests/api/generation-changes.test.ts",
  "tests/faults/generation-upstream.test.ts",
  "tests/faults/generation-webhooks.test.ts",
  "tests/faults/cut-connections.test.ts",
  "tests/e2e/docs-snippets.test.ts",
  "tests/db/database-client.test.ts",
  "tests/faults/doctor.test.ts",
  "tests/faults/rate-limits-redis.test.ts",
  "tests/attack/guessing.test.ts",
  "tests/faults/generation-odd-provider.test.ts",
  "tests/faults/generation-unreachable.test.ts",
  "tests/api/verification.test.ts",
  "tests/db/schema.test.ts",
  "tests/api/generation-cancels.test.ts",
].map((path) => join(repositoryRoot, path));

/** The order of a run: the files that wait longest, then per suite the longest files, then vitest's order. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const missing = [...first, ...longest].filter((path) => !existsSync(path));
    if (missing.length > 0) throw new Error(`tests/support/longest-first.ts names ${missing.join(", ")}`);
    const placeIn = (list: string[], moduleId: string) => list.indexOf(moduleId) + 1 || list.length + 1;
    const place = ({ moduleId }: TestSpecification) =>
      first.includes(moduleId)
        ? placeIn(first, moduleId)
        : placeIn(suites, dirname(moduleId)) * 1_000 + placeIn(longest, moduleId);
    return (await super.sort(files)).sort((one, two) => place(one) - place(two));
  }
}
