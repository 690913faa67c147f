import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, inject, test } from "vitest";
import { runCommand } from "../../scripts/local/run-command.ts";
import { repositoryRoot } from "../../scripts/local/settings.ts";
import { schemaTexts } from "../../scripts/schema/baseline.ts";
import { drawTables } from "../support/draw-tables.ts";
import { snippetsOf } from "../support/snippets.ts";
import { owner, rolledBack } from "../support/sql.ts";

const { database_url = "" } = inject("stack");
const page = readFileSync(join(repositoryRoot, "docs", "studio.md"), "utf8");
const section = (title: string) => page.split(/^## /m).find((part) => part.startsWith(title)) ?? "";
const firstCells = (text: string) =>
  Array.from(text.matchAll(/^\| `([\w.]+)`/gm), ([, name = ""]) => name).sort();

test("docs/images/tables.svg shows the tables of the catalog; to update it: npx vitest run -u --project db studio-page", async () => {
  await expect(await drawTables(owner)).toMatchFileSnapshot("../../docs/images/tables.svg");
});

test("docs/studio.md lists every table of public and private and every view of reports", async () => {
  const rows = await owner<{ schema: string; name: string; kind: string }[]>`
    select n.nspname as schema, c.relname as name, c.relkind as kind
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname in ('public', 'private', 'reports') and c.relkind in ('r', 'v')`;
  const named = (schema: string, kind: string) =>
    rows
      .filter((row) => row.schema === schema && row.kind === kind)
      .map(({ name }) => name)
      .sort();
  expect(firstCells(section("Tables"))).toEqual(
    [...named("public", "r"), ...named("private", "r").map((name) => `private.${name}`)].sort(),
  );
  expect(firstCells(section("Reports"))).toEqual(named("reports", "v").map((name) => `reports.${name}`));
});

test("docs/studio.md quotes exactly the hints of the guards", () => {
  const given = schemaTexts().flatMap((text) =>
    Array.from(text.matchAll(/hint = '((?:[^']|'')+)'/g), ([, hint = ""]) => hint.replaceAll("''", "'")),
  );
  const quoted = Array.from(
    section("Changes that the database refuses").matchAll(/“([^”]+)”/g),
    ([, hint]) => hint,
  );
  expect(given.length).toBeGreaterThan(3);
  expect(quoted.sort()).toEqual([...new Set(given)].sort());
});

test("every column that docs/studio.md calls safe to edit can be updated", async () => {
  const columns = Array.from(
    section("What is safe to edit").matchAll(/^\| `(\w+)` \| ([^|]+) \|/gm),
    ([, table = "", names = ""]) => ({
      table,
      names: Array.from(names.matchAll(/`(\w+)`/g), ([, name = ""]) => name),
    }),
  );
  expect(columns.flatMap(({ names }) => names).length).toBeGreaterThan(15);
  await rolledBack(async (tx) => {
    await tx.unsafe(readFileSync(join(repositoryRoot, "supabase", "seed.sql"), "utf8"));
    for (const { table, names } of columns)
      for (const name of names) {
        const changed = await tx.savepoint((inner) =>
          inner.unsafe(`update public.${table} set ${name} = ${values[`${table}.${name}`] ?? values[name]} where ctid = (
            select ctid from public.${table} where ${editableRows[table] ?? "true"} limit 1)`),
        );
        expect([table, name, changed.count]).toEqual([table, name, 1]);
      }
  });
});

/** For each table a row that can be changed, and for each column a value. */
const editableRows: Record<string, string> = { users: "role = 'developer'", projects: "is_active" };
const values: Record<string, string> = {
  requests_per_day: "2000",
  auth_calls_per_hour: "null",
  reads_per_minute: "900",
  generations_per_month: "150",
  concurrent_generations: "2",
  projects: "7",
  api_keys_per_project: "4",
  is_listed: "false",
  "models.is_active": "false",
  plan_ids: "'{premium}'",
  name: "'Another name'",
  description: "'Another description'",
  plan_id: "'premium'",
  allowed_origins: "'{https://app.example.com}'",
  email_verification: "'required'",
  site_url: "'https://app.example.com'",
  is_active: "false",
  full_name: "'Another Name'",
  email_verified_at: "now()",
  deactivated_at: "now()",
  expires_at: "now() + interval '1 day'",
  revoked_at: "now()",
};

const snippets = snippetsOf("docs/studio.md").filter(({ language }) => language === "sql");

test("docs/studio.md has six SQL statements", () => {
  expect(snippets.length).toBe(6);
});

test.each(snippets)(
  "the SQL statement of docs/studio.md at line $line finds or changes rows of the seed",
  async ({ text }) => {
    const result = await rolledBack(async (tx) => {
      await tx.unsafe(readFileSync(join(repositoryRoot, "supabase", "seed.sql"), "utf8"));
      await tx`update public.api_keys set key_prefix = 'ak_1a2b3' where id = 'd0000000-0000-4000-8000-000000000001'`;
      return tx.unsafe(text);
    });
    expect(result.count).toBeGreaterThan(0);
  },
);

test("the SQL console command of docs/studio.md works on the embedded database", async () => {
  const [console] = snippetsOf("docs/studio.md").filter(({ language }) => language === "sh");
  const [command = "", query = ""] =
    /^npx supabase db query --read-only --remote="\$DATABASE" "([^"]+)"$/.exec(console?.text ?? "") ?? [];
  expect(command).not.toBe("");
  const remote = `--remote=${database_url}?sslmode=disable`;
  const { code, output } = await runCommand("supabase", ["db", "query", "--read-only", remote, query]);
  expect([code, output]).toEqual([0, expect.stringContaining("owner_email")]);
});
