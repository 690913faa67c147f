import { setTimeout } from "node:timers/promises";
import { openOwnStack } from "./bench/own-stack.ts";
import { findFunction, usageOf } from "./bench/usage.ts";
import { readCommandLine, runMain } from "./local/command-line.ts";
import { Problem } from "./local/problem.ts";
import { inScratch } from "./local/scratch.ts";
import { makeSubject, startTraffic } from "./soak/traffic.ts";
import { judge, type Sample } from "./soak/verdict.ts";

const helpText = `Sends mixed traffic to its own stack for a long time, and checks memory, connections, generations and counters.

  npm run soak                    30 minutes
  npm run soak -- --minutes 5     fails if a check fails`;

async function main(): Promise<void> {
  const { values } = readCommandLine("npm run soak", helpText, {
    minutes: { type: "string", default: "30" },
  });
  const duration_ms = Number(values.minutes) * 60_000;
  if (!(duration_ms > 0)) throw new Problem(`--minutes ${values.minutes} is not usable: give more than 0.`);
  // Three times the memory that the function uses. In an unbounded heap, garbage can hide a leak or look like one.
  process.env.DENO_V8_FLAGS ??= "--max-old-space-size=64";
  await inScratch((folder) => soak(folder, duration_ms));
}

async function soak(folder: string, duration_ms: number): Promise<void> {
  const { ports, operator_key, admin, stop } = await openOwnStack(folder);
  try {
    const subject = await makeSubject(ports, operator_key, admin);
    const traffic = startTraffic(subject);
    const samples: Sample[] = [];
    const pid = findFunction(ports.functions.api);
    const end = Date.now() + duration_ms;
    for (let left = duration_ms; left > 0; left = end - Date.now()) {
      await setTimeout(Math.min(10_000, duration_ms / 12, left));
      const [row] =
        await admin`select count(*)::int as connections from pg_stat_activity where application_name = 'cloud-api'`;
      const sample: Sample = { memory_mb: usageOf(pid)?.memory_mb, connections: row?.connections };
      samples.push(sample);
      const seconds = Math.max(0, Math.ceil((end - Date.now()) / 1000));
      console.log(
        `${String(seconds).padStart(5)} s to go  ${traffic.counts.requests} requests  ${sample.memory_mb?.toFixed(0) ?? "–"} MB  ${sample.connections} connections`,
      );
    }
    await traffic.stop();
    const verdict = await judge(admin, subject, traffic.counts, samples);
    for (const { name, is_right, found } of verdict)
      console.log(`${is_right ? "ok  " : "FAIL"}  ${name}: ${found}`);
    if (verdict.some(({ is_right }) => !is_right)) process.exitCode = 1;
  } finally {
    await stop();
  }
}

await runMain(main, "The soak failed");
