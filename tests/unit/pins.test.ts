import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { repositoryRoot } from "../../scripts/local/settings.ts";

const folder = join(repositoryRoot, "supabase", "functions");
const names = readdirSync(folder, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name);
const read = (...path: string[]) => JSON.parse(readFileSync(join(...path), "utf8")) as Record<string, any>;
const importsOf = (name: string) => read(folder, name, "deno.json").imports as Record<string, string>;
const { dependencies = {}, devDependencies = {} } = read(repositoryRoot, "package.json");
const installed: Record<string, string> = { ...dependencies, ...devDependencies };

test("the edge functions are api, generation and health", () => {
  expect(names.sort()).toEqual(["api", "generation", "health"]);
});

test.each(names)("the function %s pins the same exact versions as package.json", (name) => {
  const imports = Object.entries(importsOf(name));
  expect(imports.length).toBeGreaterThan(0);
  for (const [specifier, target] of imports) {
    const [, dependency = "", version] = /^npm:(@?[^@]+)@(\d+\.\d+\.\d+)$/.exec(target) ?? [];
    expect(dependency, `${specifier} is pinned exactly: ${target}`).toBe(specifier);
    expect(version, specifier).toBe(installed[dependency]);
  }
});

test("all edge functions pin the same packages", () => {
  for (const name of names) expect(importsOf(name)).toEqual(importsOf("api"));
});

test("an install for `npm start` alone includes every package that the functions import", () => {
  expect(Object.keys(importsOf("api")).filter((name) => dependencies[name] === undefined)).toEqual([]);
});

/** Otherwise Git on Windows could check files out with CRLF. */
test("every text file has LF line endings on every system", () => {
  const output = execFileSync("git", ["ls-files", "--eol"], { cwd: repositoryRoot, encoding: "utf8" });
  const texts = output.split("\n").filter((line) => line !== "" && !line.includes("i/-text"));
  expect(texts.length).toBeGreaterThan(100);
  expect(texts.filter((line) => !/^i\/(lf|none) .*eol=lf/.test(line))).toEqual([]);
});
