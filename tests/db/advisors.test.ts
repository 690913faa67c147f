import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, inject, test } from "vitest";
import { repositoryRoot } from "../../scripts/local/settings.ts";
import { migrationNames } from "../../scripts/schema/baseline.ts";
import { withStockDatabase } from "../../scripts/schema/stock-database.ts";
import { expectedTables } from "./expected-access.ts";

const run = promisify(execFile);
const { database_url } = inject("stack");

/** Runs the Supabase CLI on the database of the stack. */
async function supabase(
  url: string | undefined,
  ...args: string[]
): Promise<{ stdout: string; stderr: string }> {
  const quiet = {
    DO_NOT_TRACK: "1",
    SUPABASE_TELEMETRY_DISABLED: "1",
    SUPABASE_NO_UPDATE_NOTIFIER: "1",
    NO_COLOR: "1",
  };
  const remote = `--remote=${url}?sslmode=disable`;
  return run(join(repositoryRoot, "node_modules/.bin/supabase"), [...args, remote], {
    cwd: repositoryRoot,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...quiet },
  });
}

type Finding = {
  name: string;
  level: string;
  detail: string;
  metadata: { schema: string; name: string };
};

async function advice(url = database_url): Promise<Finding[]> {
  const { stdout } = await supabase(
    url,
    "db",
    "advisors",
    "--level",
    "info",
    "--fail-on",
    "none",
    "--output-format",
    "json",
  );
  return (JSON.parse(stdout) as { results: Finding[] }).results;
}

test("`supabase db advisors` finds no unexpected issue at any level", async () => {
  const isExpected = ({ name, metadata }: Finding) =>
    // In a new database no index has been used yet.
    name === "unused_index" ||
    // These tables are open to service_role only, on purpose.
    (name === "rls_enabled_no_policy" &&
      expectedTables[`${metadata.schema}.${metadata.name}`]?.policies === undefined);
  const found = await advice();
  expect(
    found.filter((finding) => !isExpected(finding)).map(({ level, detail }) => `${level}: ${detail}`),
  ).toEqual([]);
});

test("`supabase db advisors` finds a table without row-level security", async () => {
  await withStockDatabase(database_url ?? "", async (sql, url) => {
    await sql`create table public.careless (id int primary key)`;
    const names = (await advice(url)).map(({ name, metadata }) => `${name} ${metadata.name}`);
    expect(names).toContain("rls_disabled_in_public careless");
  });
});

test("`supabase migration list` reads config.toml without a warning and lists every migration on both sides", async () => {
  const { stdout, stderr } = await supabase(database_url, "migration", "list");
  expect(stderr.replace(/^Target: custom Postgres .*$/m, "").trim()).toBe("");
  const rows = stdout.split("\n").filter((line) => /\d{14}/.test(line));
  expect(rows.length).toBe(migrationNames().length);
  for (const row of rows) {
    const [local, remote] = row.match(/\d{14}/g) ?? [];
    expect(local).toBe(remote);
  }
});
