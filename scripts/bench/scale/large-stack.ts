import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { repositoryRoot } from "../../local/settings.ts";
import { openOwnStack } from "../own-stack.ts";
import { type Facts, registerDeveloper, seed, signInAll, signInDeveloper, type Tenant } from "../seed.ts";
import { fill } from "./rows.ts";

const folder = join(repositoryRoot, ".local", "bench-large");
/** Written last. Without it the database is incomplete. */
const factsFile = join(folder, "facts.json");

/** A tenant like that of the small database, and the largest tenant. */
type Large = { facts: Facts; largest: Tenant };

/** Recreates the large database, in its own folder below .local. */
export async function makeLarge(): Promise<void> {
  rmSync(folder, { recursive: true, force: true });
  console.error("Creating the large database, which takes a minute or more …");
  const { ports, operator_key, admin, stop } = await openOwnStack(folder);
  try {
    const facts = await seed(ports, operator_key, admin);
    const largest = await registerDeveloper(ports, operator_key, admin);
    await fill(admin, largest.project_id);
    writeFileSync(factsFile, JSON.stringify({ facts, largest } satisfies Large));
  } finally {
    await stop();
  }
}

/** Starts a stack on the large database and signs its users in. Creates the database if it is missing. */
export async function openLarge() {
  if (!existsSync(factsFile)) await makeLarge();
  const { ports, stop } = await openOwnStack(folder);
  try {
    const { facts, largest } = JSON.parse(readFileSync(factsFile, "utf8")) as Large;
    return {
      ports,
      facts: await signInAll(ports, facts),
      largest: await signInDeveloper(ports, largest),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
