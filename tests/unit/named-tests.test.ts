import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { repositoryRoot } from "../../scripts/local/settings.ts";

/** The last cells of all tables whose last column is "proved by". */
function provedBy(document: string): string[] {
  const cells: string[] = [];
  let isHeld = false;
  for (const line of readFileSync(join(repositoryRoot, document), "utf8").split("\n")) {
    const last = line.split("|").at(-2)?.trim() ?? "";
    if (!line.startsWith("|")) isHeld = false;
    else if (last === "proved by") isHeld = true;
    else if (isHeld && !/^-+$/.test(last)) cells.push(last);
  }
  return cells;
}

describe.each(["docs/security.md", "docs/reliability.md"])("%s", (document) => {
  const cells = provedBy(document);

  test(`every promise in the tables of ${document} names the files of its tests`, () => {
    expect(cells.length).toBeGreaterThan(20);
    for (const cell of cells) expect(cell).toMatch(/^`[\w./-]+\.test\.ts`(, `[\w./-]+\.test\.ts`)*$/);
  });

  test(`every test file that ${document} names exists`, () => {
    const files = [...cells.join(" ").matchAll(/`([^`]+)`/g)].map(([, file = ""]) => file);
    expect(files.filter((file) => !existsSync(join(repositoryRoot, file)))).toEqual([]);
  });
});
