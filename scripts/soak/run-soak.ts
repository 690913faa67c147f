import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import postgres from "postgres";
import { findFunction, usageOf } from "../bench/usage.ts";
import { adminUrlOf } from "../local/keys.ts";
import { findFreeBase } from "../local/ports.ts";
import { Problem } from "../local/problem.ts";
import { portsFrom } from "../local/settings.ts";
import { openStack } from "../local/stack-child.ts";
import { makeSubject } from "./subject.ts";
import { startTraffic } from "./traffic.ts";
import { judge, type Sample } from "./verdict.ts";

/** Exit code 1 when something is not right. */
export async function runSoak(minutes: number): Promise<void> {
  if (!(minutes > 0)) throw new Problem("--minutes is more than 0.");
  // Three times what the function keeps. With an unbounded heap, garbage hides a leak, or looks like one.
  process.env.DENO_V8_FLAGS ??= "--max-old-space-size=64";
  const base = await findFreeBase();
  const folder = mkdtempSync(join(tmpdir(), "cloud-api-soak-"));
  const { stack, stop } = await openStack(["--port", String(base), "--data", folder]);
  const ports = portsFrom(base);
  const admin = postgres(adminUrlOf(ports), { max: 1, onnotice: () => {} });
  try {
    const subject = await makeSubject(ports, stack.credentials.operator_key, admin);
    const traffic = startTraffic(subject);
    const samples: Sample[] = [];
    const pid = findFunction(ports.functions.api);
    const pauseMs = Math.min(10_000, (minutes * 60_000) / 12);
    const end = Date.now() + minutes * 60_000;
    while (Date.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, Math.min(pauseMs, Math.max(1, end - Date.now()))));
      const [row] =
        await admin`select count(*)::int as connections from pg_stat_activity where application_name = 'cloud-api'`;
      const memory_mb = (usageOf(pid)?.memory_bytes ?? 0) / 2 ** 20;
      samples.push({ memory_mb, connections: row?.connections });
      const { requests } = traffic.counts;
      console.log(
        `${String(Math.ceil((end - Date.now()) / 1000)).padStart(5)} s to go  ${requests} requests  ${memory_mb.toFixed(0)} MB  ${row?.connections} connections`,
      );
    }
    await traffic.stop();
    const verdict = await judge(admin, subject, traffic.counts, samples);
    for (const { name, is_right, found } of verdict)
      console.log(`${is_right ? "ok  " : "FAIL"}  ${name}: ${found}`);
    if (verdict.some(({ is_right }) => !is_right)) process.exitCode = 1;
  } finally {
    await admin.end();
    await stop();
    rmSync(folder, { recursive: true, force: true });
  }
}
