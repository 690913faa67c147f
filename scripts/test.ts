import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { operations } from "../tests/support/contract/document.ts";
import { readCommandLine, runMain } from "./local/command-line.ts";
import { runCommand } from "./local/run-command.ts";

const helpText = `Runs every check and every suite, against a stack of its own.

  npm test                                  everything
  npm test -- unit api                      only these of unit, db, api, attack, e2e, faults, and no checks
  npm test -- api tests/api/health.test.ts  only files whose path contains this
  npm test -- --no-check                    every suite and no checks
  npm test -- --hosted                      api, attack and faults on the Deno that hosted Supabase is compatible with
  npm run test:browser                      what needs a Chromium`;

// `stack` has db, api, attack, e2e and faults; vitest.config.ts says why. `browser` needs a Chromium and runs only by name.
const everywhere = ["unit", "stack"];
const onDeno = ["api", "attack", "faults"];

async function main(): Promise<void> {
  const options = {
    hosted: { type: "boolean", default: false },
    "no-check": { type: "boolean", default: false },
  } as const;
  const { values, positionals } = readCommandLine("npm test", helpText, options, true);
  const files = positionals.filter((word) => /[./]/.test(word));
  const named = positionals.filter((word) => !files.includes(word));
  const isFull = positionals.length === 0 && !values.hosted;
  const start = performance.now();
  const checking = isFull && !values["no-check"] ? check() : undefined;
  if (values.hosted) process.env.CLOUD_API_DENO = "hosted";
  const seen = mkdtempSync(join(tmpdir(), "cloud-api-seen-"));
  process.env.CLOUD_API_SEEN = seen;
  const projects = named.length > 0 ? named : values.hosted ? onDeno : everywhere;
  const args = ["run", ...files, ...projects.flatMap((name) => ["--project", name])];
  const { code } = await runCommand("vitest", args, true);
  // Only a full run can report the answers that no test received.
  const isCovered = !isFull || reportCoverage(seen);
  const isGood = code === 0 && isCovered && (await checking) !== false;
  rmSync(seen, { recursive: true, force: true });
  const verdict = isGood ? "Everything passed" : "Something failed";
  console.log(`${verdict} after ${((performance.now() - start) / 1000).toFixed(0)} s.`);
  process.exit(isGood ? 0 : code || 1);
}

/** Runs the checks with a low priority while tests wait, and prints their output at the end. */
async function check(): Promise<boolean> {
  const { code, output } = await runCommand(process.execPath, ["scripts/check.ts", "--beside-tests"]);
  console.log(output);
  return code === 0;
}

/**
 * Whether the tests received every answer of docs/openapi.json. The suites write `<operation> <status>` lines into the
 * folder.
 */
function reportCoverage(seen: string): boolean {
  const lines = new Set(
    readdirSync(seen).flatMap((file) => readFileSync(join(seen, file), "utf8").split("\n")),
  );
  const documented = operations.flatMap(({ id, responses }) =>
    Object.keys(responses).map((status) => `${id} ${status}`),
  );
  const unseen = documented.filter((line) => !lines.has(line));
  console.log(
    `Of ${documented.length} answers of docs/openapi.json the suites got ${documented.length - unseen.length}, each as documented.`,
  );
  if (unseen.length > 0)
    console.log(`No test got: ${unseen.join(", ")}. Test them, or do not document them.`);
  return unseen.length === 0;
}

await runMain(main, "The tests could not run");
