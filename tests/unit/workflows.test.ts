import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { repositoryRoot } from "../../scripts/local/settings.ts";

// The workflows cannot run here. What they call must exist here, with the options that they give.
const folder = join(repositoryRoot, ".github", "workflows");
const { scripts } = JSON.parse(readFileSync(join(repositoryRoot, "package.json"), "utf8")) as {
  scripts: Record<string, string>;
};
const workflows = readdirSync(folder).map(
  (name) => [name, readFileSync(join(folder, name), "utf8").replace(/^\s*#.*$/gm, "")] as const,
);
const found = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map(([, word = ""]) => word);

test("there are workflows for changes, deployments and releases", () => {
  expect(workflows.map(([name]) => name).sort()).toEqual(["ci.yml", "deploy.yml", "release.yml"]);
});

test.each(workflows)("%s: each npm script exists", (_, text) => {
  const called = [...found(text, /npm run ([\w:-]+)/g), ...found(text, /npm (test)\b/g)];
  expect(called.length).toBeGreaterThan(0);
  for (const name of called) expect(Object.keys(scripts)).toContain(name);
});

test.each(workflows)("%s: each program of npx is installed", (_, text) => {
  for (const name of found(text, /npx ([\w-]+)/g))
    expect(existsSync(join(repositoryRoot, "node_modules", ".bin", name)), name).toBe(true);
});

test.each(workflows)("%s: each option is known to its script", (_, text) => {
  for (const [, name = "test", rest = ""] of text.matchAll(/npm (?:run )?([\w:-]+) -- ([^\n]*)/g)) {
    const source = /(scripts\/(?!bootstrap)[\w/-]+\.ts)/.exec(scripts[name] ?? "")?.[1] ?? "";
    const code = readFileSync(join(repositoryRoot, source), "utf8");
    for (const option of found(rest, /--([\w-]+)/g)) expect(code, `${name} --${option}`).toContain(option);
  }
});

test.each(workflows)("%s: each file exists", (_, text) => {
  for (const path of found(text, /((?:tests|packages|supabase)\/[\w./-]+\.(?:ts|md|json))/g))
    expect(existsSync(join(repositoryRoot, path)), path).toBe(true);
});

test.each(workflows)("%s: every action has a version, and permissions are named", (_, text) => {
  for (const action of found(text, /uses: (\S+)/g)) expect(action).toMatch(/@v\d+$/);
  expect(text).toMatch(/^permissions:/m);
});
