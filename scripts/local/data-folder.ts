import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { explainFileError } from "./problem.ts";
import type { Paths } from "./settings.ts";

/** Removes what earlier starts left; the lock stays. */
export function emptyData(paths: Paths): void {
  for (const path of [
    paths.postgres,
    paths.storage,
    paths.logs,
    paths.credentials,
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
  for (const path of [paths.data, paths.storage, paths.logs]) {
    try {
      mkdirSync(path, { recursive: true });
    } catch (error) {
      throw explainFileError(error, path);
    }
  }
}
