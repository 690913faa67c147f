// Everything that needs no running stack: format, lint, types on Node and on both Denos, generated files, the SDK's package,
// unused code.
import { readFileSync } from "node:fs";
import { constants, setPriority } from "node:os";
import { join } from "node:path";
import { checkClient, inScratch } from "./build-client.ts";
import { lintOpenApi } from "./check/lint-openapi.ts";
import { completeLockfile } from "./complete-lockfile.ts";
import { generated } from "./generate.ts";
import { runCommand } from "./local/run-command.ts";
import { repositoryRoot } from "./local/settings.ts";

const functions = ["api", "generation", "health"].map((name) => `supabase/functions/${name}/index.ts`);

type Check = { code: number; output: string; note?: string };
const checks: [string, () => Promise<Check>][] = [
  ["format and lint", () => runCommand("biome", ["check", "--error-on-warnings", "."])],
  [
    "types (tsc)",
    () => runCommand("tsc", ["-p", ".", "--incremental", "--tsBuildInfoFile", ".local/types.tsbuildinfo"]),
  ],
  [
    "types (Deno, local)",
    () => runCommand(join(repositoryRoot, "node_modules/deno/bin.cjs"), ["check", ...functions]),
  ],
  // The version that hosted Supabase is compatible with.
  [
    "types (Deno, hosted)",
    () => runCommand(join(repositoryRoot, "node_modules/deno-hosted/bin.cjs"), ["check", ...functions]),
  ],
  // Only against the web's own types, so that no type of Node gets in.
  ["types (SDK)", () => runCommand("tsc", ["-p", "packages/client"])],
  ["generated files", checkGenerated],
  ["OpenAPI document (Redocly)", checkDocument],
  ["SDK package", checkPackage],
  ["lockfile", checkLockfile],
  ["workflows (actionlint)", checkWorkflows],
  ["unused code", () => runCommand("knip", [])],
];

if (process.argv.includes("--beside-tests")) setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
let failed = 0;
const waiting = [...checks];
/** Two at once: most of them compute on one core. */
async function runWaiting(): Promise<void> {
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    const [name, check] = next;
    const start = performance.now();
    const { code, output, note } = await check();
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    console.log(
      `${code === 0 ? "ok  " : "FAIL"} ${name} (${seconds} s)${note === undefined ? "" : `: ${note}`}`,
    );
    if (code !== 0) {
      failed++;
      console.log(output);
    }
  }
}
await Promise.all([runWaiting(), runWaiting()]);
process.exit(failed === 0 ? 0 : 1);

async function checkGenerated() {
  const stale = [];
  for (const [path, content] of await generated()) {
    let current = "";
    try {
      current = readFileSync(join(repositoryRoot, path), "utf8");
    } catch {}
    if (current !== content) stale.push(path);
  }
  const output = `${stale.join(", ")}: not what the sources give. Run \`npm run generate\` and commit the result.`;
  return { code: stale.length === 0 ? 0 : 1, output };
}

async function checkDocument(): Promise<Check> {
  const problems = await lintOpenApi();
  return { code: problems.length === 0 ? 0 : 1, output: problems.join("\n") };
}

/** A Go module, so it runs only where Go is installed. */
async function checkWorkflows(): Promise<Check> {
  const tool = "github.com/rhysd/actionlint/cmd/actionlint@v1.7.12";
  try {
    return await runCommand("go", ["run", tool]);
  } catch {
    return { code: 0, output: "", note: "not looked at: there is no Go on this machine" };
  }
}

async function checkPackage(): Promise<Check> {
  try {
    return { code: 0, output: "", note: (await inScratch(checkClient)).line };
  } catch (error) {
    return { code: 1, output: String(error) };
  }
}

async function checkLockfile() {
  const { missing } = completeLockfile();
  return {
    code: missing.length === 0 ? 0 : 1,
    output: `Not in the lockfile: ${missing.join(", ")}. Run \`node scripts/bootstrap.mjs scripts/complete-lockfile.ts\`.`,
  };
}
