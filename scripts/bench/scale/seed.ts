import { parseArgs } from "node:util";
import { Problem, reasonOf } from "../../local/problem.ts";
import { makeLarge } from "./large-stack.ts";

const helpText = `Fills the large database of \`npm run bench -- --scale\` anew, in .local/bench-large: a minute or more, and some gigabytes.

  npm run bench:seed`;

const { values } = parseArgs({ options: { help: { type: "boolean", short: "h" } } });
if (values.help) {
  console.log(helpText);
  process.exit(0);
}
const start = performance.now();
try {
  await makeLarge((step) =>
    console.log(`${((performance.now() - start) / 1000).toFixed(0).padStart(4)} s  ${step}`),
  );
  console.log(`Filled after ${((performance.now() - start) / 1000).toFixed(0)} s: .local/bench-large`);
} catch (error) {
  console.error(
    error instanceof Problem ? error.message : `The database could not be filled: ${reasonOf(error)}`,
  );
  process.exitCode = 1;
}
