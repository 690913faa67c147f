import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runCommand } from "./local/run-command.ts";
import { unseenAnswers } from "./test/contract-coverage.ts";

const helpText = `Runs every check and every suite, against a stack of its own.

  npm test                                  everything
  npm test -- unit api                      only these of unit, db, api, attack, e2e, faults, and no checks
  npm test -- api tests/api/health.test.ts  only files whose path contains this
  npm test -- --no-check                    every suite and no checks
  npm test -- --hosted                      api, attack and faults on the Deno that hosted Supabase is compatible with
  npm run test:browser                      what needs a Chromium`;

const args = process.argv.slice(2);
if (args.includes("--help") || args.includes("-h")) {
  console.log(helpText);
  process.exit(0);
}
const words = args.filter((arg) => !arg.startsWith("-"));
const files = words.filter((word) => /[./]/.test(word));
const names = words.filter((word) => !files.includes(word));
const start = performance.now();
// These need only Node and npm; `browser` needs a Chromium and has to be named.
const everywhere = ["unit", "db", "api", "attack", "e2e", "faults"];

if (args.includes("--hosted")) {
  process.env.CLOUD_API_DENO = "hosted";
  if (names.length === 0) names.push("api", "attack", "faults");
}
const isChecked = words.length === 0 && !args.includes("--no-check") && !args.includes("--hosted");
const checking = isChecked ? check() : undefined;
const seen = mkdtempSync(join(tmpdir(), "cloud-api-seen-"));
process.env.CLOUD_API_SEEN = seen;
const { code } = await runCommand(
  "vitest",
  ["run", ...files, ...(names.length > 0 ? names : everywhere).flatMap((name) => ["--project", name])],
  true,
);
const isCovered = reportCoverage();
const isGood = code === 0 && isCovered && (await checking) !== false;
rmSync(seen, { recursive: true, force: true });
console.log(
  `${isGood ? "Everything passed" : "Something failed"} after ${((performance.now() - start) / 1000).toFixed(0)} s.`,
);
process.exit(isGood ? 0 : code || 1);

/** The checks compute while many tests wait. They give way to the tests, and say everything at once. */
async function check(): Promise<boolean> {
  const { code, output } = await runCommand(process.execPath, ["scripts/check.ts", "--beside-tests"]);
  console.log(output);
  return code === 0;
}

/** Only a full run knows which answers no test received. */
function reportCoverage(): boolean {
  if (words.length > 0 || args.includes("--hosted")) return true;
  const { documented, unseen } = unseenAnswers(seen);
  console.log(
    `Of ${documented} answers of docs/openapi.json the suites got ${documented - unseen.length}, each as documented.`,
  );
  if (unseen.length > 0)
    console.log(`No test got: ${unseen.join(", ")}. Test them, or do not document them.`);
  return unseen.length === 0;
}
