import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { repositoryRoot } from "../../scripts/local/settings.ts";

const folders = ["supabase/functions/api", "packages/client/src"];

/** Files with many exports of one kind. */
const tables = ["store.ts", "schemas.ts", "errors.ts", "context.ts", "wire.ts"];

const sources = folders.flatMap((folder) =>
  readdirSync(join(repositoryRoot, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts") && !/(\.test|\.gen)\.ts$|(^|\/)(index\.ts|testing\/)/.test(file))
    .map((file) => `${folder}/${file}`),
);

function exportsOf(text: string): string[] {
  const declared =
    /^export (?:declare )?(?:async )?(?:function\*?|const|let|class|abstract class|type) (\w+)/gm;
  return [...text.matchAll(declared)].map(([, name]) => name ?? "");
}

/** `rate-limit.ts` has `rateLimit`, `RateLimit`, or a verb with it: `readRateLimit`. Clients end in `Client`. */
function isNamedFor(file: string, names: string[]): boolean {
  const noun = (file.split("/").at(-1) ?? "").replace(/\.ts$/, "").replaceAll("-", "");
  return names.some((name) => {
    const ending = name.replace(/^[a-z]+(?=[A-Z])/, "").toLowerCase();
    return [name.toLowerCase(), ending, ending.replace(/client$/, "")].includes(noun);
  });
}

test("every file of the function and the SDK is named for its main export", () => {
  expect(sources.length).toBeGreaterThan(200);
  const misnamed = sources.filter(
    (file) =>
      !tables.includes(file.split("/").at(-1) ?? "") &&
      !isNamedFor(file, exportsOf(readFileSync(join(repositoryRoot, file), "utf8"))),
  );
  expect(misnamed).toEqual([]);
});

test("the check of file names finds a file whose exports have other names", () => {
  expect(isNamedFor("fields/page-query.ts", ["searchQuery", "pageQuery"])).toBe(true);
  expect(isNamedFor("clients/storage.ts", ["createStorageClient"])).toBe(true);
  expect(isNamedFor("email-address.ts", ["parseEmailAddress"])).toBe(true);
  expect(isNamedFor("openapi.ts", ["version", "security", "errors"])).toBe(false);
});
