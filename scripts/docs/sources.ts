import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { repositoryRoot } from "../local/settings.ts";

/** Changes whenever a source of the site changes. */
export function fingerprintOfSources(): string {
  const below = (folder: string): string[] =>
    readdirSync(join(repositoryRoot, folder), { withFileTypes: true, recursive: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
  const files = [
    ...below("docs"),
    ...below(join("scripts", "docs")),
    join(repositoryRoot, "packages", "client", "README.md"),
    join(repositoryRoot, "CHANGELOG.md"),
    join(repositoryRoot, "package.json"),
  ].sort();
  const hash = createHash("sha256");
  for (const file of files) hash.update(file).update("\0").update(readFileSync(file)).update("\0");
  return hash.digest("hex").slice(0, 16);
}
