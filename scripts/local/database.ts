import { readFileSync } from "node:fs";
import { join } from "node:path";
import postgres from "postgres";
import { baseline, baselineName, isReleased, migrationNames, migrationsFolder } from "../schema/baseline.ts";
import { Problem, reasonOf } from "./problem.ts";

function statement(name: string): string {
  return readFileSync(new URL(`./sql/${name}.sql`, import.meta.url), "utf8");
}

/** Roles, schemas and extensions of a stock Supabase database. Safe to run again. */
export async function prepareRoles(sql: postgres.Sql, password: string): Promise<void> {
  await sql.unsafe(statement("roles").replaceAll("{password}", password));
}

/** Installs Supabase's helper functions in `auth` and `storage`, after Auth and Storage have created their tables. */
export async function installHelpers(sql: postgres.Sql): Promise<void> {
  await sql.unsafe(statement("helpers"));
}

/** Throws if the schema of the database is from another version, because no migration leads to this one. */
export async function refuseForeignSchema(sql: postgres.Sql): Promise<void> {
  const files = versions();
  const applied = await appliedMigrations(sql);
  const foreign = applied.some(({ version }) => !files.includes(version));
  const first = applied.find(({ version }) => baselineName.startsWith(version))?.first;
  const outdated = !isReleased() && first !== undefined && !first.includes(headerOf(baseline()));
  if (foreign || outdated) {
    throw new Problem(
      "The database in this data folder has the schema of another checkout: start again with `npm start -- --fresh`, which deletes its data.",
    );
  }
}

/** Applies pending migrations like `supabase db push`: with its role, and each in one transaction. */
export async function migrate(databaseUrl: string): Promise<void> {
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => {} });
  try {
    const applied = (await appliedMigrations(sql)).map(({ version }) => version);
    const pending = migrationNames().filter((name) => !applied.includes(name.slice(0, 14)));
    if (pending.length > 0) await sql.unsafe(statement("migrations"));
    for (const name of pending) await apply(sql, name);
  } finally {
    await sql.end({ timeout: 2 });
  }
}

async function apply(sql: postgres.Sql, file: string): Promise<void> {
  const text = readFileSync(join(migrationsFolder, file), "utf8");
  const [version, name] = [file.slice(0, 14), file.slice(15, -4)];
  try {
    await sql.begin(async (tx) => {
      await tx.unsafe(text);
      await tx`insert into supabase_migrations.schema_migrations (version, name, statements)
        values (${version}, ${name}, array[${text}])`;
    });
  } catch (error) {
    throw new Problem(`The migration ${file} could not be applied: ${reasonOf(error)}.`);
  }
}

const versions = () => migrationNames().map((name) => name.slice(0, 14));

const headerOf = (migration: string) => migration.slice(0, migration.indexOf("\n"));

async function appliedMigrations(sql: postgres.Sql): Promise<{ version: string; first: string }[]> {
  const [table] = await sql`select to_regclass('supabase_migrations.schema_migrations') is not null as found`;
  if (table?.found !== true) return [];
  return sql`select version, statements[1] as first from supabase_migrations.schema_migrations`;
}
