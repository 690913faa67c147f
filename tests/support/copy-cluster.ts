import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { publishedKeys } from "../../scripts/local/keys.ts";
import { createCluster } from "../../scripts/local/postgres.ts";
import { pathsFor, repositoryRoot } from "../../scripts/local/settings.ts";

const run = promisify(execFile);

/**
 * Gives a data folder an empty cluster with the password of the CLI, which a stack takes for a cluster without keys. Copying it
 * costs a tenth of `initdb`, which therefore runs once a checkout.
 */
export async function copyCluster(folder: string): Promise<void> {
  const made = await madeOnce();
  await run("cp", ["-a", made, pathsFor(folder).postgres]);
}

async function madeOnce(): Promise<string> {
  // Another server or other arguments of initdb make another cluster.
  const sources = ["package.json", "scripts/local/postgres.ts"].map((path) =>
    readFileSync(join(repositoryRoot, path)),
  );
  const hash = sources
    .reduce((sum, text) => sum.update(text), createHash("sha256"))
    .digest("hex")
    .slice(0, 12);
  const made = join(repositoryRoot, ".local", "clusters", hash);
  if (existsSync(made)) return made;
  mkdirSync(dirname(made), { recursive: true });
  const draft = mkdtempSync(`${made}-`);
  try {
    const paths = pathsFor(draft);
    await createCluster(paths, publishedKeys.database_password);
    renameSync(paths.postgres, made);
  } catch (error) {
    // Another run may have made it meanwhile.
    if (!existsSync(made)) throw error;
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
  return made;
}
