import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { expect, test } from "vitest";
import { repositoryRoot } from "../../scripts/local/settings.ts";
import { operations } from "../support/contract/document.ts";

const folder = join(repositoryRoot, "packages/client/src/resources");
const nounOf = (file: string) =>
  basename(file, ".ts").replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());

/** The public methods of the SDK's resources, each with its docstring. */
const methods = readdirSync(folder)
  .filter((file) => /^[a-z-]+\.ts$/.test(file))
  .flatMap((file) =>
    Array.from(
      readFileSync(join(folder, file), "utf8").matchAll(
        /(\/\*\*(?:(?!\*\/)[\s\S])*\*\/\n)? {2}(?:async )?\*?([a-z]\w*)\((?!http: Http)/g,
      ),
      ([, text = "", verb = ""]) => ({ id: `${nounOf(file)}.${verb}`, text }),
    ),
  );

test("every public method of the SDK has a docstring", () => {
  expect(methods.length).toBeGreaterThan(60);
  expect(methods.filter(({ text }) => text === "").map(({ id }) => id)).toEqual([]);
});

test("the docstrings of the SDK name only error codes that the operation documents", () => {
  const documented = new Map(
    operations.map(({ id, responses }) => [
      id,
      Object.values(responses).flatMap(({ content }) =>
        Object.keys(content?.["application/json"]?.examples ?? {}),
      ),
    ]),
  );
  const wrong = methods.flatMap(({ id, text }) =>
    Array.from(text.matchAll(/@throws ApiError ([\w, ]+)/g), ([, codes = ""]) => codes.split(/,\s*/))
      .flat()
      .filter((code) => documented.get(id)?.includes(code.trim()) === false)
      .map((code) => `${id}: ${code}`),
  );
  expect(wrong).toEqual([]);
});
