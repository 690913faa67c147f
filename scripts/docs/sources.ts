import { createHash } from "node:crypto";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { repositoryRoot } from "../local/settings.ts";

const sources = [
  "docs/**/*.*",
  "scripts/docs/**/*.*",
  "packages/client/README.md",
  "CHANGELOG.md",
  "package.json",
];

/** Changes whenever a source of the site changes. */
export function fingerprintOfSources(): string {
  const hash = createHash("sha256");
  for (const file of globSync(sources, { cwd: repositoryRoot }).sort())
    hash
      .update(`${file}\0`)
      .update(readFileSync(join(repositoryRoot, file)))
      .update("\0");
  return hash.digest("hex").slice(0, 16);
}
