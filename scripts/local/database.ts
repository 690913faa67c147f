import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import type postgres from "postgres";
import { Problem } from "./problem.ts";
import { databaseUrl, type Ports, ROOT } from "./settings.ts";

const run = promisify(execFile);
const MIGRATIONS = join(ROOT, "supabase", "migrations");

function statement(name: string): string {
  return readFileSync(new URL(`./sql/${name}.sql`, import.meta.url), "utf8");
}

/** Roles, schemas and extensions of a stock Supabase database. Safe to run again. */
export async function prepareRoles(sql: postgres.Sql): Promise<void> {
  await sql.unsafe(statement("roles"));
}

/** The `auth` and `storage` helpers of Supabase. After Auth and Storage have made their tables. */
export async function installHelpers(sql: postgres.Sql): Promise<void> {
  await sql.unsafe(statement("helpers"));
}

/** Applies what is pending with the real CLI; answers how many migrations that were. */
export async function migrate(sql: postgres.Sql, ports: Ports): Promise<number> {
  const [applied, files] = [await appliedVersions(sql), migrationVersions()];
  const unknown = [...applied].filter((version) => !files.includes(version));
  if (unknown.length > 0) {
    throw new Problem(
      `The database has migrations that this checkout does not (${unknown.join(", ")}): update the checkout, or start over with \`npm start -- --fresh\`.`,
    );
  }
  const pending = files.filter((version) => !applied.has(version));
  if (pending.length > 0) await push(ports);
  return pending.length;
}

function migrationVersions(): string[] {
  try {
    const names = readdirSync(MIGRATIONS).map((name) => /^(\d+)_.+\.sql$/.exec(name)?.[1]);
    return names.filter((version) => version !== undefined).sort();
  } catch {
    return [];
  }
}

async function appliedVersions(sql: postgres.Sql): Promise<Set<string>> {
  const [table] = await sql`select to_regclass('supabase_migrations.schema_migrations') is not null as found`;
  if (table?.found !== true) return new Set();
  const rows = await sql<{ version: string }[]>`select version from supabase_migrations.schema_migrations`;
  return new Set(rows.map((row) => row.version));
}

async function push(ports: Ports): Promise<void> {
  const args = ["db", "push", "--yes", "--include-all", `--remote=${databaseUrl(ports)}?sslmode=disable`];
  const env = {
    PATH: process.env.PATH ?? "",
    HOME: process.env.HOME ?? "",
    DO_NOT_TRACK: "1",
    SUPABASE_TELEMETRY_DISABLED: "1",
    SUPABASE_NO_UPDATE_NOTIFIER: "1",
    NO_COLOR: "1",
  };
  try {
    await run(cliBinary(), args, { cwd: ROOT, env });
  } catch (error) {
    const { stderr = "", stdout = "" } = error as { stderr?: string; stdout?: string };
    const output = `${stdout}\n${stderr}`.trim().split("\n").slice(-12).join("\n");
    throw new Problem(`A migration failed (supabase db push):\n${output}`);
  }
}

/** The platform's binary: it answers signals, and starts faster than the launcher. */
function cliBinary(): string {
  const launcher = createRequire(import.meta.url).resolve("supabase/package.json");
  const name = `@supabase/cli-${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`;
  for (const suffix of ["", "-musl"]) {
    try {
      return join(
        dirname(createRequire(launcher).resolve(`${name}${suffix}/package.json`)),
        "bin",
        "supabase",
      );
    } catch {}
  }
  throw new Problem(`The Supabase CLI has no binary for ${process.platform} on ${process.arch}.`);
}
