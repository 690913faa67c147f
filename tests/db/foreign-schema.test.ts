import type postgres from "postgres";
import { expect, test } from "vitest";
import { refuseForeignSchema } from "../../scripts/local/database.ts";
import { admin, rolledBack } from "../support/sql.ts";

const refusalAfter = (change: string) =>
  rolledBack(async (tx) => {
    await tx.unsafe(change);
    return refuseForeignSchema(tx as unknown as postgres.Sql).then(
      () => null,
      (error: Error) => error.message,
    );
  }, admin);

test("npm start accepts the schema of this checkout", async () => {
  expect(await refusalAfter("select")).toBeNull();
});

test.each([
  [
    "a migration that this checkout does not have",
    "insert into supabase_migrations.schema_migrations (version) values ('20261124090000')",
  ],
  [
    "an older state of its schema",
    "update supabase_migrations.schema_migrations set statements = array['-- Schema 0000']",
  ],
])("npm start refuses a database with %s", async (_what, change) => {
  expect(await refusalAfter(change)).toMatch(/^The database in this data folder has the schema of another/);
});
