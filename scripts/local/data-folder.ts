import { chmodSync, mkdirSync, rmSync } from "node:fs";
import { onPath } from "./problem.ts";
import type { Paths } from "./settings.ts";

/** Removes the data of earlier starts, but keeps the lock. */
export function emptyData({ postgres, storage, logs, mail, credentials, keys }: Paths): void {
  for (const path of [postgres, storage, logs, mail, credentials, keys])
    onPath(path, () => rmSync(path, { recursive: true, force: true }));
}

export function makeFolders({ data, storage, logs, mail }: Paths): void {
  for (const path of [data, storage, logs, mail])
    onPath(path, () => {
      mkdirSync(path, { recursive: true });
      // PostgreSQL's account must be able to enter the data folder. The other folders are private.
      if (path !== data) chmodSync(path, 0o700);
    });
}
