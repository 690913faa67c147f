import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import postgres from "postgres";
import { findFreeBase } from "../../local/ports.ts";
import { adminDatabaseUrl, portsFrom, ROOT } from "../../local/settings.ts";
import { openStack } from "../../stack-child.ts";
import { type Facts, seed, signIn } from "../seed.ts";
import { fill, large } from "./rows.ts";

const folder = join(ROOT, ".local", "bench-large");
/** Written last: without it the database is not complete. */
const factsFile = join(folder, "facts.json");

/** Makes the large database anew, in a folder of its own below .local. */
export async function makeLarge(report: (step: string) => void): Promise<void> {
  rmSync(folder, { recursive: true, force: true });
  report("a stack of its own");
  const { ports, operator_key, stop } = await open();
  try {
    const facts = await seed(ports, operator_key);
    const admin = postgres(adminDatabaseUrl(ports), { max: 1, onnotice: () => {} });
    try {
      await fill(admin, facts.project_id, large, report);
    } finally {
      await admin.end();
    }
    writeFileSync(factsFile, JSON.stringify(facts));
  } finally {
    await stop();
  }
}

/** A stack on the large database, which is made when there is none, with fresh sign-ins. */
export async function openLarge(report: (step: string) => void) {
  if (!existsSync(factsFile)) await makeLarge(report);
  const { ports, stop } = await open();
  try {
    const facts = await signIn(ports, JSON.parse(readFileSync(factsFile, "utf8")) as Facts);
    return { ports, facts, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function open() {
  const base = await findFreeBase();
  const { stack, stop } = await openStack(["--port", String(base), "--data", folder]);
  return { ports: portsFrom(base), operator_key: stack.credentials.operator_key, stop };
}
