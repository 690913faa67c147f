// `node scripts/bootstrap.mjs <script.ts> [arguments]` runs on Node 20. It installs the missing packages of
// package-lock.json, then runs the script on the Node of node_modules. It is plain JavaScript, because nothing is
// installed yet.
import { spawn } from "node:child_process";
import { lstatSync, readFileSync } from "node:fs";
import { constants } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { installMissing } from "./bootstrap/install.mjs";
import { fail, isAlive, nodeProgram } from "./bootstrap/packages.mjs";

const repositoryRoot = dirname(dirname(fileURLToPath(import.meta.url)));
const modules = join(repositoryRoot, "node_modules");
const oldestNode = 20;

/** These scripts need only the packages of `npm start`. All others also need those of the tests. */
const startOnly = ["scripts/start.ts", "scripts/demo.ts", "scripts/doctor.ts", "scripts/operator.ts"];

/** Excludes this machine from the proxy settings. */
function withDirectLoopback(env) {
  const named = (env.NO_PROXY ?? env.no_proxy ?? "").split(",").map((item) => item.trim());
  const direct = [...new Set([...named, "127.0.0.1", "localhost", "::1"])].filter(Boolean).join(",");
  return { ...env, NO_PROXY: direct, no_proxy: direct };
}

function run(script, args) {
  const node = nodeProgram(repositoryRoot);
  const path = `${join(modules, ".bin")}${delimiter}${process.env.PATH ?? ""}`;
  const env = withDirectLoopback({
    // Node caches compiled modules, which saves a third of the time for loading them.
    NODE_COMPILE_CACHE: join(repositoryRoot, ".local", "compile-cache"),
    ...process.env,
    PATH: path,
  });
  // The channel closes when this process ends for any reason, and then `npm start` ends.
  const stdio = ["inherit", "inherit", "inherit", "ipc"];
  const child = spawn(node, [join(repositoryRoot, script), ...args], { stdio, env });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.once("error", (error) => fail(`${script} could not be run: ${error.message}`));
  child.once("exit", (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));
  // If npm has ended, nobody can end this script any more.
  if (process.env.npm_lifecycle_event === undefined) return;
  const [parent, npm] = [process.ppid, runnerOf(process.ppid)];
  const isGone = () => process.ppid !== parent || !isAlive(npm);
  setInterval(() => isGone() && child.kill("SIGTERM"), 500).unref();
}

/** The process of npm. npm starts a script by a shell, which may outlive npm. Only Linux shows the shell's parent. */
function runnerOf(parent) {
  try {
    const [, name = "", above] =
      /\((.*)\) \S (\d+)/s.exec(readFileSync(`/proc/${parent}/stat`, "utf8")) ?? [];
    return /^(ba|da|z)?sh$/.test(name) ? Number(above) : parent;
  } catch {
    return parent;
  }
}

const [script, ...args] = process.argv.slice(2);
if (script === undefined) fail("Usage: node scripts/bootstrap.mjs <script.ts> [arguments]");
if (Number(process.versions.node.split(".")[0]) < oldestNode) {
  fail(
    `Node ${process.versions.node} is too old: install Node ${oldestNode} or newer (https://nodejs.org), then run the command again.`,
  );
}
// If node_modules is a link, an install would change the packages of another checkout.
const isBorrowed = lstatSync(modules, { throwIfNoEntry: false })?.isSymbolicLink() === true;
if (!isBorrowed)
  await installMissing(
    repositoryRoot,
    startOnly.includes(script) && !args.includes("--docker") ? "start" : "everything",
  );
run(script, args);
