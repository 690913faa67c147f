import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { ensureKeys, newKeys, readKeys, writeKeys } from "../../scripts/local/keys.ts";
import { createCluster } from "../../scripts/local/postgres.ts";
import { pathsFor, repositoryRoot } from "../../scripts/local/settings.ts";

const run = promisify(execFile);

/**
 * Gives a data folder a copy of an empty cluster, and new keys except for the database's password. A copy costs a tenth
 * of `initdb`, which runs only once in a checkout.
 */
export async function copyCluster(folder: string): Promise<void> {
  const [made, own] = [pathsFor(await madeOnce()), pathsFor(folder)];
  await run("cp", ["-a", made.postgres, own.postgres]);
  writeKeys(own.keys, newKeys(readKeys(made.keys)?.database_password));
}

async function madeOnce(): Promise<string> {
  // Another version of the server, or other arguments of initdb, require another cluster.
  const sources = ["package.json", "scripts/local/postgres.ts", "tests/support/copy-cluster.ts"];
  const hash = createHash("sha256");
  for (const path of sources) hash.update(readFileSync(join(repositoryRoot, path)));
  const made = join(repositoryRoot, ".local", "clusters", hash.digest("hex").slice(0, 12));
  if (existsSync(made)) return made;
  mkdirSync(dirname(made), { recursive: true });
  const draft = mkdtempSync(`${made}-`);
  try {
    // PostgreSQL's account must be able to enter the folder.
    chmodSync(draft, 0o711);
    const paths = pathsFor(draft);
    await createCluster(paths, ensureKeys(paths).database_password);
    renameSync(draft, made);
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    // Another run may have created it in the meantime.
    if (!existsSync(made)) throw error;
  }
  return made;
}
