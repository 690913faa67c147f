import type { Target } from "../tests/support/fuzz/callers.ts";
import { fuzz } from "../tests/support/fuzz/fuzz.ts";
import { fuzzTarget } from "../tests/support/fuzz/target.ts";
import { type StackTarget, startTestStack } from "../tests/support/stack.ts";
import { readTarget } from "../tests/support/target.ts";
import { readCommandLine, runMain } from "./local/command-line.ts";

const helpText = `Sends random requests to every operation of docs/openapi.json, with every kind of credentials. A 5xx, an undocumented answer or
no answer is an error.

  npm run fuzz                           one minute, on a stack of its own
  npm run fuzz -- --minutes 10           ten minutes, with new seeds
  npm run fuzz -- --seed N               repeats the run with this seed
  npm run fuzz -- --only generations.create   only this operation
  npm run fuzz -- --runs N               requests to each operation and seed (default 100)`;

async function main(): Promise<void> {
  const { values } = readCommandLine("npm run fuzz", helpText, {
    minutes: { type: "string", default: "1" },
    seed: { type: "string" },
    runs: { type: "string", default: "100" },
    only: { type: "string" },
  });
  const foreign = readTarget(process.env, []);
  const own = foreign === undefined ? await startTestStack() : undefined;
  const target = fuzzTarget(
    own === undefined
      ? (foreign as StackTarget)
      : { embedded: true, credentials: own.credentials, urls: { ...own.urls, base: own.urls.gateway } },
  );
  try {
    if (await fuzzAll(target, values)) process.exitCode = 1;
  } finally {
    await own?.stop();
  }
}

type Values = { minutes: string; seed?: string; runs: string; only?: string };

/** Returns true if it found a problem. */
async function fuzzAll(target: Target, values: Values): Promise<boolean> {
  const end = Date.now() + Number(values.minutes) * 60_000;
  const failures = new Set<string>();
  const first = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
  for (let seed = first; seed === first || (Date.now() < end && values.seed === undefined); seed++) {
    const report = await fuzz({
      target,
      seed,
      runs: Number(values.runs),
      within_ms: Math.max(10_000, end - Date.now()),
      ...(values.only === undefined ? {} : { only: ({ id }) => id === values.only }),
    });
    const { requests, statuses, slowest } = report;
    console.log(
      `seed ${seed}: ${requests} requests, ${JSON.stringify(statuses)}, slowest ${slowest.ms} ms (${slowest.operation})`,
    );
    if (report.unreached.length > 0) console.log(`  never succeeded: ${report.unreached.join(", ")}`);
    for (const failure of report.failures) {
      if (!failures.has(failure)) console.log(`\n${failure}\n`);
      failures.add(failure);
    }
  }
  console.log(failures.size === 0 ? "Nothing found." : `${failures.size} found.`);
  return failures.size > 0;
}

await runMain(main, "The fuzzer failed");
