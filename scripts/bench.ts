import { readOptions } from "./bench/options.ts";
import { runBench } from "./bench/run-bench.ts";
import { makeLarge } from "./bench/scale/large-stack.ts";
import { runMain } from "./local/command-line.ts";

await runMain(async () => {
  const options = readOptions();
  if (options.make_large) await makeLarge((step) => console.log(step));
  else await runBench(options);
}, "The benchmark failed");
