import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { advice } from "../../packages/client/src/errors.ts";
import { repositoryRoot } from "../../scripts/local/settings.ts";
import { ApiError, errorCodes } from "../../supabase/functions/api/errors.ts";

const markdown = readFileSync(join(repositoryRoot, "docs", "errors.md"), "utf8");
const described = markdown.split(/^## /m).flatMap((part) => {
  const [heading = "", ...entries] = part.split(/^### /m);
  return entries.map((entry) => {
    const [code = "", ...words] = entry.trim().split("\n\n");
    return { heading: heading.trim(), code: code.replaceAll("`", ""), words };
  });
});

test("docs/errors.md describes every error code of the API once, and no other code", () => {
  expect(described.map(({ code }) => code).sort()).toEqual([...errorCodes].sort());
});

test.each([...errorCodes])("docs/errors.md explains %s in a paragraph below its HTTP status", (code) => {
  const { status, detail } = new ApiError(code);
  const found = described.find((one) => one.code === code);
  expect(found?.heading).toBe(status >= 500 ? "500 and above" : String(status));
  expect(found?.words).toHaveLength(1);
  expect(found?.words[0]?.length).toBeGreaterThan(40);
  expect(found?.words[0]?.replaceAll("\n", " ")).not.toBe(detail);
});

test("every code that the SDK gives advice about is a code of the API", () => {
  expect(errorCodes).toEqual(expect.arrayContaining(Object.keys(advice)));
});
