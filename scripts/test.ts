// `npm test`: every check and every suite. `npm test -- unit api` runs only those projects; `npm test -- --no-check …` no checks;
// `npm test -- db -u` writes the schema's snapshot anew.
import { runCommand } from "./run-command.ts";

const args = process.argv.slice(2);
const names = args.filter((arg) => !arg.startsWith("-"));
const start = performance.now();
// What runs on Node and npm alone; `browser` needs a Chromium and is asked for by name.
const everywhere = ["unit", "db", "api", "attack", "e2e", "faults"];

if (names.length === 0 && !args.includes("--no-check")) {
  const check = await runCommand(process.execPath, ["scripts/check.ts"], true);
  if (check.code !== 0) process.exit(check.code);
}
const update = args.includes("-u") ? ["-u"] : [];
const { code } = await runCommand(
  "vitest",
  ["run", ...update, ...(names.length > 0 ? names : everywhere).flatMap((name) => ["--project", name])],
  true,
);
console.log(
  `${code === 0 ? "Everything passed" : "Something failed"} after ${((performance.now() - start) / 1000).toFixed(0)} s.`,
);
process.exit(code);
