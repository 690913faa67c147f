import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository's root, where package.json is. */
export const repositoryRoot = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** Node's cache of compiled modules, which all programs of this checkout share. */
export const compileCache = join(repositoryRoot, ".local", "compile-cache");

export const samplePhoto = join(repositoryRoot, "scripts", "local", "sample.png");

export const defaultBasePort = 54321;
export const loopback = "127.0.0.1";

/** The Deno of the functions: the newest, or the one that hosted Supabase is compatible with (CLOUD_API_DENO=hosted). */
export const denoPackage = process.env.CLOUD_API_DENO === "hosted" ? "deno-hosted" : "deno";

/** The names under which `supabase/functions/<name>/index.ts` is served. */
export const functionNames = ["api", "health", "generation"] as const;
export type FunctionName = (typeof functionNames)[number];

export type Ports = ReturnType<typeof portsFrom>;

/** Every port of a stack follows from its base port. */
export function portsFrom(base: number) {
  return {
    gateway: base,
    postgres: base + 1,
    studio: base + 2,
    inbox: base + 3,
    smtp: base + 4,
    replicate: base + 7,
    functions: { api: base + 10, health: base + 11, generation: base + 12 },
  };
}

export type Paths = ReturnType<typeof pathsFor>;

export function pathsFor(data: string) {
  return {
    /** The data of this stack, which git ignores. */
    data,
    postgres: join(data, "postgres"),
    storage: join(data, "storage"),
    logs: join(data, "logs"),
    /** The temporary files of the inbox. */
    mail: join(data, "mail"),
    credentials: join(data, "credentials.json"),
    /** The secrets of this stack, readable only by its owner. */
    keys: join(data, "keys.json"),
    lock: join(data, "stack.lock"),
    /** The entry files that `deno serve` runs, one per function. */
    functionEntries: join(data, "functions"),
    /** A photo for a first upload. */
    sample: samplePhoto,
    /** Deno's compile cache, shared by all stacks of this checkout. */
    denoCache: join(repositoryRoot, ".local", denoPackage),
  };
}

/** The URL for the migrations and the functions. Its role is not a superuser, as on hosted Supabase. */
export function databaseUrl(ports: Ports, password: string): string {
  return `postgresql://postgres:${password}@${loopback}:${ports.postgres}/postgres`;
}

/** The URL for Auth, Storage and the set-up. */
export function adminDatabaseUrl(ports: Ports, password: string): string {
  return `postgresql://supabase_admin:${password}@${loopback}:${ports.postgres}/postgres`;
}
