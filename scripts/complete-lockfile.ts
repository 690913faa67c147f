// Adds binaries of other systems to package-lock.json. npm drops them if its registry lacks them, and then nobody on such
// a system can install. Run it after a change of packages.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { findEntry } from "./bootstrap/start-lock.mjs";
import { repositoryRoot } from "./local/settings.ts";

type Entry = {
  version?: string;
  optionalDependencies?: Record<string, string>;
  dev?: boolean;
  optional?: boolean;
  os?: string[];
  cpu?: string[];
  libc?: string[];
  bin?: Record<string, string>;
};
type Lockfile = { packages: Record<string, Entry> };

const file = join(repositoryRoot, "package-lock.json");
const systems = ["darwin", "linux", "win32", "android", "freebsd", "openharmony"];
const processors = ["arm64", "x64", "arm", "ia32", "ppc64", "s390x", "riscv64"];

/** The completed lockfile, and the names of the packages that were missing. */
export function completeLockfile(): { text: string; missing: string[] } {
  const lock = JSON.parse(readFileSync(file, "utf8")) as Lockfile;
  const missing: string[] = [];
  for (const [path, { optionalDependencies = {}, dev }] of Object.entries(lock.packages)) {
    for (const [name, range] of Object.entries(optionalDependencies)) {
      if (isLocked(lock, path, name)) continue;
      const top = `node_modules/${name}`;
      const version = range.replace(/^[\^~]/, "");
      const place = lock.packages[top] === undefined ? top : `${path}/${top}`;
      // npm links only programs that the lockfile lists.
      const bin = Object.keys(optionalDependencies)
        .map((other) => lock.packages[`node_modules/${other}`]?.bin)
        .find((programs) => programs !== undefined);
      lock.packages[place] = {
        version,
        ...platformOf(name),
        ...(dev ? { dev } : {}),
        optional: true,
        ...(bin && { bin }),
      };
      missing.push(name);
    }
  }
  const { "": root = {}, ...rest } = lock.packages;
  const sorted = Object.entries(rest).sort(([a], [b]) => a.localeCompare(b, "en"));
  lock.packages = { "": root, ...Object.fromEntries(sorted) };
  return { text: `${JSON.stringify(lock, null, 2)}\n`, missing };
}

/** Whether the lockfile has an optional package of a package, in the required version. */
function isLocked({ packages }: Lockfile, path: string, name: string): boolean {
  const range = packages[path]?.optionalDependencies?.[name] ?? "";
  const found = findEntry(packages, path, name);
  return found !== undefined && (!/^\d/.test(range) || packages[found]?.version === range);
}

/** The platform of a package, from its name. */
function platformOf(name: string): Pick<Entry, "os" | "cpu" | "libc"> {
  const words = (name.split("/").pop() ?? "").replace(/\bwin(dows)?\b/, "win32").split("-");
  const os = systems.filter((system) => words.includes(system));
  const cpu = processors.filter((processor) => words.includes(processor));
  const libc = words.some((word) => word.startsWith("musl"))
    ? ["musl"]
    : words.some((word) => /^(gnu|glibc)/.test(word))
      ? ["glibc"]
      : [];
  return {
    ...(cpu.length > 0 && { cpu }),
    ...(libc.length > 0 && os.includes("linux") && { libc }),
    ...(os.length > 0 && { os }),
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { text, missing } = completeLockfile();
  writeFileSync(file, text);
  console.log(missing.length === 0 ? "Nothing was missing." : `Added ${missing.join(", ")}.`);
}
