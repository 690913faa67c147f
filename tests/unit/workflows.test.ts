import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { repositoryRoot } from "../../scripts/local/settings.ts";

// The workflows cannot run here, but each script, program, option and file that they name must exist.
const folder = join(repositoryRoot, ".github", "workflows");
const { scripts } = JSON.parse(readFileSync(join(repositoryRoot, "package.json"), "utf8")) as {
  scripts: Record<string, string>;
};
const workflows = readdirSync(folder).map(
  (name) => [name, readFileSync(join(folder, name), "utf8").replace(/^\s*#.*$/gm, "")] as const,
);
const found = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map(([, word = ""]) => word);

test("the workflows are ci.yml, deploy.yml and release.yml", () => {
  expect(workflows.map(([name]) => name).sort()).toEqual(["ci.yml", "deploy.yml", "release.yml"]);
});

test.each(workflows)("every npm script that %s runs exists", (_, text) => {
  const called = [...found(text, /npm run ([\w:-]+)/g), ...found(text, /npm (test)\b/g)];
  expect(called.length).toBeGreaterThan(0);
  for (const name of called) expect(Object.keys(scripts)).toContain(name);
});

test.each(workflows)("every program that %s runs with npx is installed", (_, text) => {
  for (const name of found(text, /npx ([\w-]+)/g))
    expect(existsSync(join(repositoryRoot, "node_modules", ".bin", name)), name).toBe(true);
});

test.each(workflows)("every option that %s passes is known to its script", (_, text) => {
  for (const [, name = "test", rest = ""] of text.matchAll(/npm (?:run )?([\w:-]+) -- ([^\n]*)/g)) {
    const source = /(scripts\/(?!bootstrap)[\w/-]+\.ts)/.exec(scripts[name] ?? "")?.[1] ?? "";
    const code = readFileSync(join(repositoryRoot, source), "utf8");
    for (const option of found(rest, /--([\w-]+)/g)) expect(code, `${name} --${option}`).toContain(option);
  }
});

test.each(workflows)("every file that %s names exists", (_, text) => {
  for (const path of found(text, /((?:tests|packages|supabase)\/[\w./-]+\.(?:ts|md|json))/g))
    expect(existsSync(join(repositoryRoot, path)), path).toBe(true);
});

test.each(workflows)("%s gives each action a major version, and declares its permissions", (_, text) => {
  for (const action of found(text, /uses: (\S+)/g)) expect(action).toMatch(/@v\d+$/);
  expect(text).toMatch(/^permissions:/m);
});
