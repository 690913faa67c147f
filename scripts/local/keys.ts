import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { onPath, Problem } from "./problem.ts";
import { adminDatabaseUrl, type Paths, type Ports, repositoryRoot } from "./settings.ts";
import { newSigningKeys, signRole } from "./signing-keys.ts";

/** All secrets of one embedded stack. They are created with its data folder, and differ from those of all other stacks. */
export type Keys = ReturnType<typeof newKeys>;

/** The published keys of every `supabase start`, for tools that get no other keys. */
export const publishedKeys: Keys = {
  publishable: "sb_publishable_ACJWlzQHlZjBrEguHvfOxg_3BJgxAaH",
  secret: "sb_secret_N7UND0UgjKTVK-Uodkm0Hg_xSvEMPvz",
  anon: "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJzdXBhYmFzZS1kZW1vIiwicm9sZSI6ImFub24iLCJleHAiOjE5ODM4MTI5OTZ9.CRXP1A7WOeoJeXxjNni43kdQwgnWNReilDMblYTn_I0",
  service_role:
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJzdXBhYmFzZS1kZW1vIiwicm9sZSI6InNlcnZpY2Vfcm9sZSIsImV4cCI6MTk4MzgxMjk5Nn0.EGIM96RAZx35lJzdJsyH-qQwv8Hdp7fsn3W0YpN81IU",
  jwt_secret: "super-secret-jwt-token-with-at-least-32-characters-long",
  signing_keys: "[]",
  cron_secret: "local-cron-secret",
  replicate_token: "r8_local_lookalike",
  replicate_webhook_secret: "whsec_bG9jYWwtcmVwbGljYXRlLWxvb2stYWxpa2Utc2VjcmV0",
  database_password: "postgres",
};

const random = (bytes: number) => randomBytes(bytes).toString("base64url");

export function newKeys(databasePassword = random(18)) {
  const signing_keys = newSigningKeys();
  return {
    publishable: `sb_publishable_${random(16)}_${random(6)}`,
    secret: `sb_secret_${random(16)}_${random(6)}`,
    /** The legacy keys: tokens of the roles anon and service_role. */
    anon: signRole("anon", signing_keys),
    service_role: signRole("service_role", signing_keys),
    jwt_secret: random(36),
    /** Private JWKs as JSON, in the form of the CLI's `signing_keys.json`. The first signs access tokens, and all verify them. */
    signing_keys,
    cron_secret: random(24),
    /** The token of the Replicate look-alike. The real service issues its own tokens. */
    replicate_token: `r8_local_${random(18)}`,
    replicate_webhook_secret: `whsec_${randomBytes(24).toString("base64")}`,
    database_password: databasePassword,
  };
}

/** The keys of a data folder. The first start creates them. */
export function ensureKeys(paths: Paths): Keys {
  const kept = readKeys(paths.keys);
  if (kept !== undefined) return kept;
  if (existsSync(join(paths.postgres, "PG_VERSION")))
    throw new Problem(
      `${paths.keys} is missing or incomplete, and it contains the password of the database: start again with \`npm start -- --fresh\`.`,
    );
  const made = newKeys();
  writeKeys(paths.keys, made);
  return made;
}

export function writeKeys(file: string, keys: Keys & { data_folder?: string }): void {
  const draft = `${file}.new`;
  onPath(file, () => {
    writeFileSync(draft, `${JSON.stringify(keys, null, 2)}\n`, { mode: 0o600 });
    renameSync(draft, file);
  });
}

export function readKeys(file: string): Keys | undefined {
  try {
    const found = JSON.parse(readFileSync(file, "utf8")) as Partial<Keys>;
    // Somebody who rotates them by hand may write the list itself.
    if (Array.isArray(found.signing_keys)) found.signing_keys = JSON.stringify(found.signing_keys);
    const names = Object.keys(publishedKeys) as (keyof Keys)[];
    return names.every((name) => typeof found[name] === "string") ? (found as Keys) : undefined;
  } catch {
    return undefined;
  }
}

const noteOf = (basePort: number) => join(repositoryRoot, ".local", "running", `${basePort}.json`);

/**
 * Stores the keys and the data folder of the stack on a port for the other commands of this checkout. Returns a function
 * that undoes it.
 */
export function announceKeys(basePort: number, keys: Keys, data_folder: string): () => void {
  const file = noteOf(basePort);
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    writeKeys(file, { ...keys, data_folder });
  } catch {
    // The checkout is read-only, so the other commands need the keys as arguments.
    return () => {};
  }
  return () => rmSync(file, { force: true });
}

/** The keys of the stack that runs on this port, or ran there last with its data in the usual place. */
export function findKeys(basePort: number, file: string): Keys | undefined {
  return readKeys(noteOf(basePort)) ?? readKeys(file);
}

/** @throws Problem when no stack of this checkout runs on the port. */
export function keysOfPort(basePort: number): Keys {
  const keys = findKeys(basePort, join(repositoryRoot, ".local", String(basePort), "keys.json"));
  if (keys === undefined)
    throw new Problem(
      `No stack of this checkout has run on port ${basePort}: start one with \`npm start\`, or name its port with --port.`,
    );
  return keys;
}

/** The data folder of the stack on the port, else the usual one. */
export function dataFolderOf(basePort: number): string {
  const note = readKeys(noteOf(basePort)) as (Keys & { data_folder?: string }) | undefined;
  return note?.data_folder ?? join(repositoryRoot, ".local", String(basePort));
}

/** The database URL of the superuser of the stack on these ports. */
export const adminUrlOf = (ports: Ports) =>
  adminDatabaseUrl(ports, keysOfPort(ports.gateway).database_password);
