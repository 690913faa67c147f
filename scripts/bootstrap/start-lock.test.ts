import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { repositoryRoot } from "../local/settings.ts";
import { startLock } from "./start-lock.mjs";

const lock = JSON.parse(readFileSync(join(repositoryRoot, "package-lock.json"), "utf8"));
const { packages } = startLock(lock);

/** Loads modules in the pinned Node, which refuses each package that a start does not install. */
function load(...modules: string[]) {
  const refuse = `
import { registerHooks } from "node:module";
const kept = new Set(${JSON.stringify(Object.keys(packages))});
registerHooks({
  load(url, context, next) {
    const name = /^.*?\\/(node_modules\\/(?:.*\\/node_modules\\/)?(?:@[^/]+\\/)?[^/]+)/.exec(url)?.[1];
    if (name !== undefined && !kept.has(name)) throw new Error("A start does not install " + name);
    return next(url, context);
  },
});`;
  const hook = `data:text/javascript,${encodeURIComponent(refuse)}`;
  const imports = modules.map((name) => `await import(${JSON.stringify(name)});`).join("\n");
  const args = ["--import", hook, "--input-type=module", "--eval", `${imports}\nprocess.exit(0);`];
  return promisify(execFile)(join(repositoryRoot, "node_modules", ".bin", "node"), args, {
    cwd: repositoryRoot,
  });
}

test("all modules of npm start load with the packages that a start installs", async () => {
  await load("./scripts/local/stack.ts", "./scripts/docs/build.ts", "maildev", "nodemailer", "image-size");
});

test("a module outside the packages of a start is refused, so the test above can fail", async () => {
  await expect(load("@sentry/node")).rejects.toThrow("A start does not install node_modules/@sentry/node");
});

test("a start installs every direct dependency, and none of the tests'", () => {
  const { dependencies, devDependencies } = lock.packages[""];
  const root = packages[""];
  const missing = Object.keys(dependencies).filter((name) => packages[`node_modules/${name}`] === undefined);
  expect(missing).toEqual([]);
  expect(root).not.toHaveProperty("devDependencies");
  expect(root?.dependencies).toEqual(dependencies);
  const tests = ["vitest", "typescript", "playwright-core"].filter((name) => name in devDependencies);
  expect(tests.filter((name) => `node_modules/${name}` in packages)).toEqual([]);
  expect(tests).toHaveLength(3);
});
