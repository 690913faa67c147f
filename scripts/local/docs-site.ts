import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { fingerprintOfSources } from "../docs/sources.ts";
import { repositoryRoot } from "./settings.ts";

const run = promisify(execFile);
const home = join(repositoryRoot, ".local", "docs");

/** The pause between checks for changes, since a page needs several files and each check reads all sources. */
const lookEveryMs = 1_000;

/**
 * The folder of the site of `npm run docs:build`. The first request builds it, and later ones rebuild it after a change of
 * its sources.
 */
export function docsFolder(): () => Promise<string> {
  let [wanted, looked_at] = ["", 0];
  let building: Promise<string> | undefined;
  return async () => {
    if (Date.now() > looked_at + lookEveryMs) {
      wanted = join(home, fingerprintOfSources());
      looked_at = Date.now();
    }
    if (existsSync(wanted)) return wanted;
    building ??= build(wanted).finally(() => {
      building = undefined;
    });
    return building;
  };
}

/** Builds the site in a separate process, because the script for browsers has several megabytes. */
async function build(folder: string): Promise<string> {
  mkdirSync(home, { recursive: true });
  const old = readdirSync(home).filter((name) => !name.startsWith("new-"));
  const fresh = mkdtempSync(join(home, "new-"));
  try {
    await run(process.execPath, [join(repositoryRoot, "scripts", "docs.ts"), "--out", join(fresh, "site")]);
    renameSync(join(fresh, "site"), folder);
  } catch (error) {
    // Another stack of this checkout has built the same site.
    if (!existsSync(folder)) throw error;
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  for (const name of old) {
    if (join(home, name) !== folder) rmSync(join(home, name), { recursive: true, force: true });
  }
  return folder;
}
