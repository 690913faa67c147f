import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ROOT } from "../../scripts/local/settings.ts";

const documents = ["docs/security.md", "docs/reliability.md"];

/** The last cell of every row of the tables whose last column names tests. */
function claimsOf(document: string): string[] {
  const rows = readFileSync(join(ROOT, document), "utf8")
    .split("\n")
    .filter((line) => line.startsWith("|"));
  const claims: string[] = [];
  let isClaiming = false;
  for (const row of rows) {
    const last = row.split("|").at(-2)?.trim() ?? "";
    if (last === "held by") isClaiming = true;
    else if (row.startsWith("| asset")) isClaiming = false;
    else if (isClaiming && !/^-+$/.test(last)) claims.push(last);
  }
  return claims;
}

describe.each(documents)("%s", (document) => {
  const claims = claimsOf(document);

  test("has tables whose every line names a test", () => {
    expect(claims.length).toBeGreaterThan(20);
    for (const claim of claims) expect(claim).toMatch(/^(`[\w./-]+\.test\.ts` “[^”]+”(; |$))+$/);
  });

  test("names only tests that exist, in the files that it says", () => {
    const missing: string[] = [];
    for (const [, file = "", name = ""] of claims.join("; ").matchAll(/`([^`]+)` “([^”]+)”/g)) {
      const path = join(ROOT, file);
      const source = existsSync(path) ? readFileSync(path, "utf8") : "";
      const isTitle = [`"${name}"`, `\`${name}\``, `'${name}'`].some((title) => source.includes(title));
      if (!isTitle) missing.push(`${file}: ${name}`);
    }
    expect(missing).toEqual([]);
  });
});
