import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ROOT } from "../../scripts/local/settings.ts";

const folder = join(ROOT, "supabase/migrations");
const hashOf = (name: string) =>
  createHash("sha256")
    .update(readFileSync(join(folder, name)))
    .digest("hex");
const present = readdirSync(folder).sort();
const listed = readFileSync(join(ROOT, "tests/db/migrations.sha256"), "utf8")
  .trimEnd()
  .split("\n")
  .map((line) => line.split("  ") as [hash: string, name: string]);

test("no migration that is listed was changed, renamed or removed: databases have run it as it was, so write a new one", () => {
  const changed = listed.filter(([hash, name]) => !present.includes(name) || hashOf(name) !== hash);
  expect(changed.map(([, name]) => name)).toEqual([]);
});

test("a new migration comes after all others, and its line (`sha256sum` in supabase/migrations) at the end of tests/db/migrations.sha256", () => {
  expect(listed.map(([, name]) => name)).toEqual(present);
});
