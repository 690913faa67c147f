import { runBench } from "./bench/run-bench.ts";
import { makeLarge } from "./bench/scale/large-stack.ts";
import { readCommandLine, runMain } from "./local/command-line.ts";
import { Problem } from "./local/problem.ts";

const helpText = `Measures the API against a bare handler that makes one query, in one run. Stores the results in .local/bench too.

  npm run bench                 on a fresh stack of its own
  npm run bench -- --port 54321 on the stack at that port (only reads, because other scenarios would leave data there)
  --rounds N       rounds for each row; rows are measured in turn (default 5)
  --seconds N      for each round (default 1.5)
  --requests N     for each round, instead of seconds
  --connections N  requests under way at once (default 20)
  --creates N      creates with a picture, while memory is watched (default 2000: a minute and 2 GB of disk; 0 for none)
  --starts N       starts of the function, and a third as many of the stack (default 9; 0 for none)
  --scale          instead compares each read on a small and on a large database, which is created if it is missing
  --make-large     creates that large database again, in .local/bench-large: a minute or more, and some gigabytes
  --peers          measures alternatives instead (bench-peers/README.md); installs them once
  --deep-page N    the deep page of a list (default 5000); the bench creates 20 rows for each page
  --only WORD      only the scenarios whose name contains WORD`;

await runMain(async () => {
  const { values } = readCommandLine("npm run bench", helpText, {
    port: { type: "string" },
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "1.5" },
    requests: { type: "string" },
    connections: { type: "string", default: "20" },
    creates: { type: "string", default: "2000" },
    starts: { type: "string", default: "9" },
    "deep-page": { type: "string", default: "5000" },
    scale: { type: "boolean", default: false },
    peers: { type: "boolean", default: false },
    "make-large": { type: "boolean", default: false },
    only: { type: "string", default: "" },
  });
  if (values["make-large"]) return makeLarge();
  const number = (
    name: "rounds" | "seconds" | "requests" | "connections" | "creates" | "starts" | "deep-page",
    least: number,
  ) => {
    const value = Number(values[name]);
    if (value >= least && (name === "seconds" || Number.isInteger(value))) return value;
    const kind = name === "seconds" ? "number" : "whole number";
    throw new Problem(`--${name} ${values[name]} is not usable: give a ${kind} from ${least}.`);
  };
  return runBench({
    ...values,
    port: values.port === undefined ? undefined : Number(values.port),
    rounds: number("rounds", 1),
    seconds: number("seconds", 0.1),
    requests: values.requests === undefined ? undefined : number("requests", number("connections", 1)),
    connections: number("connections", 1),
    creates: number("creates", 0),
    starts: number("starts", 0),
    deep_page: number("deep-page", 2),
  });
}, "The benchmark failed");
