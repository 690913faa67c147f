import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository's root, where package.json is. */
export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

export const DEFAULT_BASE_PORT = 54321;
export const HOST = "127.0.0.1";

/** The names under which `supabase/functions/<name>/index.ts` is served. */
export const FUNCTION_NAMES = ["api", "health", "generation"] as const;
export type FunctionName = (typeof FUNCTION_NAMES)[number];

/** The demo keys of the Supabase CLI: public, the same on every machine, for local stacks only. */
export const JWT_SECRET = "super-secret-jwt-token-with-at-least-32-characters-long";
export const PUBLISHABLE_KEY = "sb_publishable_ACJWlzQHlZjBrEguHvfOxg_3BJgxAaH";
export const SECRET_KEY = "sb_secret_N7UND0UgjKTVK-Uodkm0Hg_xSvEMPvz";
export const ANON_JWT =
  "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJzdXBhYmFzZS1kZW1vIiwicm9sZSI6ImFub24iLCJleHAiOjE5ODM4MTI5OTZ9.CRXP1A7WOeoJeXxjNni43kdQwgnWNReilDMblYTn_I0";
export const SERVICE_ROLE_JWT =
  "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJzdXBhYmFzZS1kZW1vIiwicm9sZSI6InNlcnZpY2Vfcm9sZSIsImV4cCI6MTk4MzgxMjk5Nn0.EGIM96RAZx35lJzdJsyH-qQwv8Hdp7fsn3W0YpN81IU";

/** For the look-alike only; the real service issues its own. */
export const LOOKALIKE_TOKEN = "r8_local_lookalike";
export const LOOKALIKE_WEBHOOK_SECRET = "whsec_bG9jYWwtcmVwbGljYXRlLWxvb2stYWxpa2Utc2VjcmV0";
export const CRON_SECRET = "local-cron-secret";

export interface Ports {
  gateway: number;
  postgres: number;
  studio: number;
  inbox: number;
  smtp: number;
  replicate: number;
  functions: Record<FunctionName, number>;
}

/** Every port of a stack follows from its base port. */
export function portsFrom(base: number): Ports {
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

export interface Paths {
  /** Everything this stack keeps; git-ignored. */
  data: string;
  postgres: string;
  storage: string;
  logs: string;
  credentials: string;
  lock: string;
  sample: string;
  /** Deno's compile cache, shared by all stacks of this checkout. */
  denoCache: string;
}

export function pathsFor(data: string): Paths {
  return {
    data,
    postgres: join(data, "postgres"),
    storage: join(data, "storage"),
    logs: join(data, "logs"),
    credentials: join(data, "credentials.json"),
    lock: join(data, "stack.lock"),
    sample: join(data, "sample.png"),
    denoCache: join(ROOT, ".local", "deno"),
  };
}

/** As the migrations and the functions connect: not a superuser, as on hosted Supabase. */
export function databaseUrl(ports: Ports): string {
  return `postgresql://postgres:postgres@${HOST}:${ports.postgres}/postgres`;
}

/** As Auth, Storage and the set-up connect. */
export function adminDatabaseUrl(ports: Ports): string {
  return `postgresql://supabase_admin:postgres@${HOST}:${ports.postgres}/postgres`;
}
