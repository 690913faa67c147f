import { readFileSync } from "node:fs";
import type postgres from "postgres";
import { baseline, baselineName, isReleased, migrationNames } from "../schema/baseline.ts";
import { runCli } from "./cli.ts";
import { Problem } from "./problem.ts";
import { HOST, type Ports } from "./settings.ts";

function statement(name: string): string {
  return readFileSync(new URL(`./sql/${name}.sql`, import.meta.url), "utf8");
}

/** Roles, schemas and extensions of a stock Supabase database. Safe to run again. */
export async function prepareRoles(sql: postgres.Sql, password: string): Promise<void> {
  await sql.unsafe(statement("roles").replaceAll("{password}", password));
}

/** The `auth` and `storage` helpers of Supabase. After Auth and Storage have made their tables. */
export async function installHelpers(sql: postgres.Sql): Promise<void> {
  await sql.unsafe(statement("helpers"));
}

/** Throws for a database whose schema this checkout did not make: no migration leads from there to here. */
export async function refuseForeignSchema(sql: postgres.Sql): Promise<void> {
  const files = versions();
  const applied = await appliedMigrations(sql);
  const foreign = applied.some(({ version }) => !files.includes(version));
  const first = applied.find(({ version }) => baselineName.startsWith(version))?.first;
  const outdated = !isReleased() && first !== undefined && !first.includes(headerOf(baseline()));
  if (foreign || outdated) {
    throw new Problem(
      "The database in this data folder has the schema of another checkout: begin anew with `npm start -- --fresh`, which deletes what it holds.",
    );
  }
}

/** Applies what is pending with the real CLI; answers how many migrations that were. */
export async function migrate(sql: postgres.Sql, ports: Ports, password: string): Promise<number> {
  const applied = (await appliedMigrations(sql)).map(({ version }) => version);
  const pending = versions().filter((version) => !applied.includes(version));
  const remote = `--remote=postgresql://postgres@${HOST}:${ports.postgres}/postgres?sslmode=disable`;
  if (pending.length > 0) await runCli(["db", "push", "--yes", "--include-all", remote], password);
  return pending.length;
}

const versions = () => migrationNames().map((name) => name.slice(0, 14));

const headerOf = (migration: string) => migration.slice(0, migration.indexOf("\n"));

async function appliedMigrations(sql: postgres.Sql): Promise<{ version: string; first: string }[]> {
  const [table] = await sql`select to_regclass('supabase_migrations.schema_migrations') is not null as found`;
  if (table?.found !== true) return [];
  return sql`select version, statements[1] as first from supabase_migrations.schema_migrations`;
}
