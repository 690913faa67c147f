// `npm test`: every check and every suite. `npm test -- unit api` runs only those projects, `npm test -- api tests/api/me.test.ts`
// only that file; `npm test -- --no-check …` no checks; `npm test -- db -u` writes the schema's snapshot anew.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { unseenAnswers } from "./contract-coverage.ts";
import { runCommand } from "./run-command.ts";

const args = process.argv.slice(2);
const words = args.filter((arg) => !arg.startsWith("-"));
const files = words.filter((word) => word.includes("/"));
const names = words.filter((word) => !word.includes("/"));
const isEverything = words.length === 0;
const start = performance.now();
// What runs on Node and npm alone; `browser` needs a Chromium and is asked for by name.
const everywhere = ["unit", "db", "api", "attack", "e2e", "faults"];

if (isEverything && !args.includes("--no-check")) {
  const check = await runCommand(process.execPath, ["scripts/check.ts"], true);
  if (check.code !== 0) process.exit(check.code);
}
const update = args.includes("-u") ? ["-u"] : [];
const seen = mkdtempSync(join(tmpdir(), "cloud-api-seen-"));
process.env.CLOUD_API_SEEN = seen;
const { code } = await runCommand(
  "vitest",
  [
    "run",
    ...update,
    ...(names.length > 0 ? names : everywhere).flatMap((name) => ["--project", name]),
    ...files,
  ],
  true,
);
const isCovered = reportCoverage();
rmSync(seen, { recursive: true, force: true });
console.log(
  `${code === 0 && isCovered ? "Everything passed" : "Something failed"} after ${((performance.now() - start) / 1000).toFixed(0)} s.`,
);
process.exit(code === 0 && !isCovered ? 1 : code);

/** Only a run of everything can tell what no test got. */
function reportCoverage(): boolean {
  if (!isEverything) return true;
  const { documented, unseen } = unseenAnswers(seen);
  console.log(
    `Of ${documented} answers of docs/openapi.json the suites got ${documented - unseen.length}, each as documented.`,
  );
  if (unseen.length > 0)
    console.log(`No test got: ${unseen.join(", ")}. Test them, or do not document them.`);
  return unseen.length === 0;
}
