// Runs all checks that need no stack: format, lint, types on Node and on both Deno versions, generated files, the SDK's
// package, unused code.
import { constants, setPriority } from "node:os";
import { checks } from "./check/checks.ts";

if (process.argv.includes("--beside-tests")) setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
let failed = 0;
const waiting = Object.entries(checks);
/** Runs two checks at a time, since most use one core. */
async function runWaiting(): Promise<void> {
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    const [name, check] = next;
    const start = performance.now();
    const { problem, note } = await check().catch(
      (error: unknown): Awaited<ReturnType<typeof check>> => ({
        problem: String(error),
      }),
    );
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    console.log(`${problem ? "FAIL" : "ok  "} ${name} (${seconds} s)${note ? `: ${note}` : ""}`);
    if (!problem) continue;
    failed++;
    console.log(problem);
  }
}
await Promise.all([runWaiting(), runWaiting()]);
process.exit(failed === 0 ? 0 : 1);
