import { expect, inject, test } from "vitest";
import { runCli } from "../../scripts/local/cli.ts";
import { migrationNames } from "../../scripts/schema/baseline.ts";
import { withStockDatabase } from "../../scripts/schema/stock-database.ts";
import { schemaFacts } from "../support/schema-facts.ts";
import { owner } from "../support/sql.ts";

const { database_url = "" } = inject("stack");

test("supabase db push makes the schema and the list of migrations of the embedded stack", async () => {
  await withStockDatabase(database_url, async (sql, url) => {
    await runCli(["db", "push", "--yes", "--include-all", `--remote=${url}?sslmode=disable`]);
    expect(await schemaFacts(sql)).toEqual(await schemaFacts(owner));
    const applied =
      await sql`select version, name from supabase_migrations.schema_migrations order by version`;
    expect(applied.map(({ version, name }) => `${version}_${name}.sql`)).toEqual(migrationNames());
    const here =
      await owner`select version, name from supabase_migrations.schema_migrations order by version`;
    expect([...here]).toEqual([...applied]);
  });
});
