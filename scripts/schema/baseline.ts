import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { repositoryRoot } from "../local/settings.ts";

export const migrationsFolder = join(repositoryRoot, "supabase/migrations");
const schemasFolder = join(repositoryRoot, "supabase/schemas");

/** Until a version is released, the schema is one migration, generated from supabase/schemas. */
export const baselineName = "20261130000000_baseline.sql";

/** The names of the migrations in the order in which they are applied. */
export function migrationNames(): string[] {
  return readdirSync(migrationsFolder)
    .filter((name) => /^\d{14}_.+\.sql$/.test(name))
    .sort();
}

export function migrationTexts(): string[] {
  return migrationNames().map((name) => readFileSync(join(migrationsFolder, name), "utf8"));
}

/** The wanted schema, in the order of the file names. */
export function schemaTexts(): string[] {
  return readdirSync(schemasFolder)
    .filter((name) => name.endsWith(".sql"))
    .sort()
    .map((name) => readFileSync(join(schemasFolder, name), "utf8"));
}

/** Whether the changelog names a version, such as `## 1.0.0` or `## [1.0.0]`. */
export function isReleased(changelog = readFileSync(join(repositoryRoot, "CHANGELOG.md"), "utf8")): boolean {
  return /^## \[?v?\d+\.\d+\.\d+/m.test(changelog);
}

/** All of supabase/schemas as one migration. The hash identifies a database of another version. */
export function baseline(): string {
  const schema = schemaTexts().join("\n");
  const hash = createHash("sha256").update(schema).digest("hex");
  return `-- Made from supabase/schemas by \`npm run generate\`. Schema ${hash}\n\n${schema}`;
}
