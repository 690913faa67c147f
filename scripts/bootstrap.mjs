// Runs `node scripts/bootstrap.mjs <script.ts> [arguments]` on a bare Node 20:
// installs what package-lock.json asks for, once, then hands over to the Node
// of node_modules. Plain JavaScript, because nothing is installed yet.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, lstatSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const MODULES = join(ROOT, "node_modules");
const STAMP = join(MODULES, ".cloud-api-lock-hash");
const LOCK = join(ROOT, ".local", "install.lock");
const OLDEST_NODE = 20;

function fail(sentence) {
  console.error(sentence);
  process.exit(1);
}

function lockHash() {
  return createHash("sha256")
    .update(readFileSync(join(ROOT, "package-lock.json")))
    .digest("hex");
}

function isInstalled(hash) {
  try {
    return readFileSync(STAMP, "utf8") === hash;
  } catch {
    return false;
  }
}

/** npm's own record of what it installed: written last, so an install by hand counts too. */
function adoptManualInstall(hash) {
  try {
    const record = statSync(join(MODULES, ".package-lock.json")).mtimeMs;
    const wanted = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8")).packages;
    const found = JSON.parse(readFileSync(join(MODULES, ".package-lock.json"), "utf8")).packages;
    const same = Object.entries(found).every(([name, { version }]) => wanted[name]?.version === version);
    const complete = Object.entries(wanted).every(
      ([name, { optional, link }]) =>
        name === "" || optional || link || !name.startsWith("node_modules/") || found[name],
    );
    if (record === 0 || !same || !complete) return false;
    writeFileSync(STAMP, hash);
    return true;
  } catch {
    return false;
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

/** One install at a time: the second waits, then finds everything done. */
async function withLock(work) {
  mkdirSync(dirname(LOCK), { recursive: true });
  for (let waiting = false; ; ) {
    try {
      writeFileSync(LOCK, String(process.pid), { flag: "wx" });
      break;
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
    }
    let holder = 0;
    try {
      holder = Number(readFileSync(LOCK, "utf8"));
    } catch {}
    const age_ms = existsSync(LOCK) ? Date.now() - statSync(LOCK, { throwIfNoEntry: false })?.mtimeMs : 0;
    if (holder > 0 ? !isAlive(holder) : age_ms > 5_000) rmSync(LOCK, { force: true });
    else {
      if (!waiting) console.error("Waiting for another install of the packages …");
      waiting = true;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
  const release = () => rmSync(LOCK, { force: true });
  process.once("exit", release);
  try {
    await work();
  } finally {
    process.removeListener("exit", release);
    release();
  }
}

/** Settings of an outer `npm start` (dry-run, omit, prefix …) must not reach this npm. */
function cleanEnv() {
  const kept =
    /^npm_config_(registry|cache|userconfig|globalconfig|proxy|https_proxy|noproxy|cafile|_.*|\/\/.*)$/i;
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name) || kept.test(name)),
  );
}

function npmCommand() {
  const script = process.env.npm_execpath;
  if (script?.endsWith(".js") && existsSync(script)) return [process.execPath, [script]];
  return [process.platform === "win32" ? "npm.cmd" : "npm", []];
}

async function install(hash) {
  const started = Date.now();
  console.error("Installing the packages, once: a minute or two …");
  const [command, first] = npmCommand();
  const args = [
    ...first,
    "ci",
    "--no-audit",
    "--no-fund",
    "--loglevel=error",
    "--include=dev",
    "--include=optional",
  ];
  const output = [];
  const child = spawn(command, args, { cwd: ROOT, env: cleanEnv(), stdio: ["ignore", "pipe", "pipe"] });
  const pass = (signal) => child.kill(signal);
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, pass);
  child.stdout.on("data", (chunk) => output.push(chunk));
  child.stderr.on("data", (chunk) => output.push(chunk));
  const code = await new Promise((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("close", (exit_code, signal) => resolve(exit_code ?? signal));
  });
  for (const signal of ["SIGINT", "SIGTERM"]) process.removeListener(signal, pass);
  if (code !== 0) {
    // npm says the cause first; its usage text and the name of its log come after that.
    const text =
      Buffer.concat(output)
        .toString("utf8")
        .split(/^npm error (?:Clean install|Usage)/m)[0] ?? "";
    const lines = text
      .split("\n")
      .filter((line) => /\S/.test(line.replace("npm error", "")))
      .slice(0, 20)
      .join("\n");
    fail(
      `The packages could not be installed (npm: ${code}). Check the network and the npm registry, then run the command again.\n\n${lines}`,
    );
  }
  writeFileSync(STAMP, hash);
  console.error(`Installed after ${Math.round((Date.now() - started) / 1000)} s.`);
}

function findNode() {
  const bundled = join(MODULES, "node", "bin", process.platform === "win32" ? "node.exe" : "node");
  if (existsSync(bundled)) return bundled;
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (major > 22 || (major === 22 && minor >= 18)) return process.execPath;
  return fail(
    `The scripts need Node 22.18 or newer, and the one in node_modules is missing on ${process.platform} ${process.arch}: install a newer Node.`,
  );
}

function run(script, args) {
  const node = findNode();
  const path = `${join(MODULES, ".bin")}${process.platform === "win32" ? ";" : ":"}${process.env.PATH ?? ""}`;
  const env = { ...process.env, PATH: path, CLOUD_API_LAUNCHER: String(process.pid) };
  const child = spawn(node, [join(ROOT, script), ...args], { stdio: "inherit", env, cwd: process.cwd() });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.once("error", (error) => fail(`${script} could not be run: ${error.message}`));
  child.once("exit", (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));
  // Below npm, a parent that is gone means that nobody can end this any more.
  if (process.env.npm_lifecycle_event === undefined) return;
  const parent = process.ppid;
  setInterval(() => process.ppid !== parent && child.kill("SIGTERM"), 500).unref();
}

const [script, ...args] = process.argv.slice(2);
if (script === undefined) fail("Usage: node scripts/bootstrap.mjs <script.ts> [arguments]");
if (Number(process.versions.node.split(".")[0]) < OLDEST_NODE) {
  fail(
    `Node ${process.versions.node} is too old: install Node ${OLDEST_NODE} or newer (https://nodejs.org), then run the command again.`,
  );
}
const hash = lockHash();
// Behind a link are another checkout's packages, which an install would remove.
const isBorrowed = lstatSync(MODULES, { throwIfNoEntry: false })?.isSymbolicLink() === true;
if (!isBorrowed && !isInstalled(hash)) {
  await withLock(async () => {
    if (!isInstalled(hash) && !adoptManualInstall(hash)) await install(hash);
  });
}
run(script, args);
