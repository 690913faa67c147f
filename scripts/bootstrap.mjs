// Runs `node scripts/bootstrap.mjs <script.ts> [arguments]` on a bare Node 20: installs what package-lock.json asks for and is
// not there, then hands over to the Node of node_modules. Plain JavaScript, because nothing is installed yet.
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

/** Those that need nothing but the packages that `npm start` needs; the others need those of the tests, too. */
const startOnly = ["scripts/start.ts", "scripts/demo.ts", "scripts/doctor.ts", "scripts/operator.ts"];

/** Other programs may have to be reached through a proxy, and this machine never. */
function withDirectLoopback(env) {
  const named = (env.NO_PROXY ?? env.no_proxy ?? "").split(",").map((item) => item.trim());
  const direct = [...new Set([...named, "127.0.0.1", "localhost", "::1"])].filter(Boolean).join(",");
  return { ...env, NO_PROXY: direct, no_proxy: direct };
}

function run(script, args) {
  const node = nodeProgram(repositoryRoot);
  const path = `${join(modules, ".bin")}${delimiter}${process.env.PATH ?? ""}`;
  const env = withDirectLoopback({
    // Node keeps what it compiled: a third of the time that loading the modules takes.
    NODE_COMPILE_CACHE: join(repositoryRoot, ".local", "compile-cache"),
    ...process.env,
    PATH: path,
  });
  // The channel ends with this process, however it ends, and `npm start` ends with the channel.
  const stdio = ["inherit", "inherit", "inherit", "ipc"];
  const child = spawn(node, [join(repositoryRoot, script), ...args], { stdio, env });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.once("error", (error) => fail(`${script} could not be run: ${error.message}`));
  child.once("exit", (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));
  // Below npm, a runner that is gone means that nobody can end this any more.
  if (process.env.npm_lifecycle_event === undefined) return;
  const [parent, npm] = [process.ppid, runnerOf(process.ppid)];
  const isGone = () => process.ppid !== parent || !isAlive(npm);
  setInterval(() => isGone() && child.kill("SIGTERM"), 500).unref();
}

/** npm starts a script by a shell, which outlives it. Only Linux tells who is behind the shell. */
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
// Behind a link are another checkout's packages, which an install would change.
const isBorrowed = lstatSync(modules, { throwIfNoEntry: false })?.isSymbolicLink() === true;
if (!isBorrowed)
  await installMissing(
    repositoryRoot,
    startOnly.includes(script) && !args.includes("--docker") ? "start" : "everything",
  );
run(script, args);
