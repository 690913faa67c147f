import { chmodSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { explainFileError } from "./problem.ts";
import type { Paths } from "./settings.ts";

/** Removes the data of earlier starts; the lock stays. */
export function emptyData(paths: Paths): void {
  for (const path of [
    paths.postgres,
    paths.storage,
    paths.logs,
    paths.credentials,
    paths.keys,
    join(paths.data, "mail"),
  ]) {
    try {
      rmSync(path, { recursive: true, force: true });
    } catch (error) {
      throw explainFileError(error, path);
    }
  }
}

export function makeFolders(paths: Paths): void {
  for (const path of [paths.data, paths.storage, paths.logs, join(paths.data, "mail")]) {
    try {
      mkdirSync(path, { recursive: true });
      // The account of PostgreSQL needs to enter the first; the others are private.
      if (path !== paths.data) chmodSync(path, 0o700);
    } catch (error) {
      throw explainFileError(error, path);
    }
  }
}
