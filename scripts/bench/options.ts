import { readCommandLine } from "../local/command-line.ts";
import { Problem } from "../local/problem.ts";
import type { Pace } from "./compare.ts";

const helpText = `Measures the API against a bare handler that makes one query, in one run. The numbers are in .local/bench too.

  npm run bench                 on a fresh stack of its own
  npm run bench -- --port 54321 on the stack that runs there (reads alone: what the others make would stay)
  --rounds N       of each row, that take turns (default 5)
  --seconds N      for each round (default 1.5)
  --connections N  requests under way at once (default 20)
  --creates N      creates with a picture, while memory is watched (default 2000: a minute and 2 GB of disk; 0 for none)
  --starts N       starts of the function, and a third as many of the stack (default 9; 0 for none)
  --scale          instead, each read on a small database beside a large one, made when there is none
  --make-large     fills that large database anew, in .local/bench-large: a minute or more, and some gigabytes
  --peers          instead, what one would build else: better-auth, supabase-js, /rest/v1, PocketBase; installs them once
  --gateway        reads through the gateway too, the bare handler behind one as well
  --deep-page N    the deep page of a list (default 5000), so many times 20 rows are made
  --only WORD      the scenarios whose name contains it`;

export interface Options extends Pace {
  port: number | undefined;
  creates: number;
  starts: number;
  deep_page: number;
  gateway: boolean;
  scale: boolean;
  peers: boolean;
  make_large: boolean;
  only: string;
}

/** The options of the command line; `--help` prints and ends. */
export function readOptions(): Options {
  const { values } = readCommandLine("npm run bench", helpText, {
    port: { type: "string" },
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "1.5" },
    connections: { type: "string", default: "20" },
    creates: { type: "string", default: "2000" },
    starts: { type: "string", default: "9" },
    "deep-page": { type: "string", default: "5000" },
    gateway: { type: "boolean", default: false },
    scale: { type: "boolean", default: false },
    peers: { type: "boolean", default: false },
    "make-large": { type: "boolean", default: false },
    only: { type: "string", default: "" },
  });
  const [rounds, seconds, connections] = [
    Number(values.rounds),
    Number(values.seconds),
    Number(values.connections),
  ];
  if (!(rounds >= 1) || !(seconds > 0) || !(connections >= 1))
    throw new Problem("--rounds and --connections are at least 1, --seconds is more than 0.");
  return {
    port: values.port === undefined ? undefined : Number(values.port),
    rounds,
    seconds,
    connections,
    creates: Number(values.creates),
    starts: Number(values.starts),
    deep_page: Math.max(2, Number(values["deep-page"])),
    gateway: values.gateway,
    scale: values.scale,
    peers: values.peers,
    make_large: values["make-large"],
    only: values.only,
  };
}
