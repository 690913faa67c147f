import { Problem, reasonOf } from "../../local/problem.ts";
import { makeLarge } from "./large-stack.ts";

// `npm run bench:seed`: the large database of `npm run bench -- --scale`, made anew in .local/bench-large.
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
