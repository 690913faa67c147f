import { readCommandLine, runMain } from "./local/command-line.ts";
import { runSoak } from "./soak/run-soak.ts";

const helpText = `Mixed traffic against a stack of its own for a long time, and whether memory, connections, generations and counters stay right.

  npm run soak                    30 minutes
  npm run soak -- --minutes 5     ends with an error when something is not right`;

await runMain(() => {
  const { values } = readCommandLine("npm run soak", helpText, {
    minutes: { type: "string", default: "30" },
  });
  return runSoak(Number(values.minutes));
}, "The soak failed");
