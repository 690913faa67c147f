import { existsSync } from "node:fs";
import { join } from "node:path";
import { BaseSequencer, type TestSpecification } from "vitest/node";
import { repositoryRoot } from "../../scripts/local/settings.ts";

/** Begun last, each of these would run alone at the end. They mostly wait, so what computes goes on beside them. */
const longest = [
  "tests/faults/generation-outage.test.ts",
  "tests/e2e/sdk-package.test.ts",
  "tests/e2e/stack-lifecycle.test.ts",
  "tests/faults/generation-killed.test.ts",
  "tests/faults/mail.test.ts",
  "tests/faults/generation-webhooks.test.ts",
  "tests/api/postgrest-storage.test.ts",
  "tests/api/generation-changes.test.ts",
  "tests/attack/guessing.test.ts",
  "tests/faults/neighbours.test.ts",
  "tests/api/postgrest-matrix.test.ts",
  "tests/faults/generation-upstream.test.ts",
  "tests/e2e/seed.test.ts",
  "tests/e2e/stack-platform.test.ts",
  "tests/faults/rate-limits-redis.test.ts",
].map((path) => join(repositoryRoot, path));

/** The order of a run: what takes longest, and then as vitest sees fit. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const missing = longest.filter((path) => !existsSync(path));
    if (missing.length > 0) throw new Error(`tests/support/longest-first.ts names ${missing.join(", ")}`);
    const place = ({ moduleId }: TestSpecification) => longest.indexOf(moduleId) + 1 || longest.length + 1;
    return (await super.sort(files)).sort((one, two) => place(one) - place(two));
  }
}
