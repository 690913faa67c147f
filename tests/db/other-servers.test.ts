import { readFileSync } from "node:fs";
import { join } from "node:path";
import type postgres from "postgres";
import { expect, inject, test } from "vitest";
import { repositoryRoot } from "../../scripts/local/settings.ts";
import { migrationTexts } from "../../scripts/schema/baseline.ts";
import { withStockDatabase } from "../../scripts/schema/stock-database.ts";

// Servers on which Storage or pg_cron differ from hosted Supabase. The superuser imitates the extension.
const { admin_database_url = "" } = inject("stack");
const onServer = (work: (sql: postgres.Sql) => Promise<void>) =>
  withStockDatabase(admin_database_url, async (sql) => work(sql));

async function migrate(sql: postgres.Sql): Promise<void> {
  for (const text of migrationTexts()) await sql.unsafe(text);
}

const buckets = (sql: postgres.Sql) => sql`select * from storage.buckets order by id desc`;
const complete = [
  { id: "uploads", public: false, file_size_limit: "10485760" },
  { id: "generations", public: false, file_size_limit: "26214400" },
];

test.each([
  [
    "has no column `public` yet",
    "alter table storage.buckets drop column public",
    "alter table storage.buckets add public boolean default false",
  ],
  [
    "is that of Storage's first migration",
    "alter table storage.buckets drop column public, drop column file_size_limit, drop column allowed_mime_types",
    "alter table storage.buckets add public boolean default false, add file_size_limit bigint, add allowed_mime_types text[]",
  ],
  [
    "does not exist yet",
    "alter table storage.buckets rename to later",
    "alter table storage.later rename to buckets",
  ],
])(
  "the migrations apply if the table of buckets %s, and ensure_buckets completes the buckets later",
  (_how, before, after) =>
    onServer(async (sql) => {
      await sql.unsafe(before);
      await migrate(sql);
      expect(await sql`select private.ensure_buckets() as complete`).toMatchObject([{ complete: false }]);
      await sql.unsafe(after);
      expect(await sql`select private.ensure_buckets() as complete`).toMatchObject([{ complete: true }]);
      expect(await buckets(sql)).toMatchObject(complete);
    }),
);

test("ensure_buckets makes a public bucket private again and keeps its objects", () =>
  onServer(async (sql) => {
    await migrate(sql);
    expect(await buckets(sql)).toMatchObject(complete);
    await sql`insert into storage.objects (bucket_id, name) values ('uploads', 'kept.png')`;
    await sql`update storage.buckets set public = true, file_size_limit = null`;
    await sql`select private.ensure_buckets()`;
    expect(await buckets(sql)).toMatchObject(complete);
    expect(await sql`select name from storage.objects`).toMatchObject([{ name: "kept.png" }]);
  }));

test.each([
  ["is not preloaded", "42704", 'unrecognized configuration parameter "cron.database_name"'],
  ["belongs to another database", "P0001", "can only create extension in database postgres"],
  ["may not be created", "42501", "permission denied to create extension"],
  ["is not installed", "0A000", 'extension "pg_cron" is not available'],
])("the migrations apply if pg_cron %s", (_how, code, message) =>
  onServer(async (sql) => {
    await sql.unsafe(`
      create function public.stand_in() returns event_trigger language plpgsql as $$
      begin raise exception using errcode = '${code}', message = '${message}'; end $$;
      create event trigger stand_in on ddl_command_start when tag in ('CREATE EXTENSION') execute function public.stand_in()`);
    const texts = migrationTexts();
    const schedule = texts.findIndex((text) => text.includes("cron.schedule"));
    for (const text of texts.slice(0, schedule))
      await sql.unsafe(text.replaceAll(/^create extension .*$/gm, ""));
    await expect(sql.unsafe("create extension pg_cron")).rejects.toMatchObject({ code });
    await sql.unsafe(texts[schedule] ?? "");
    expect(await sql`select count(*)::int as plans from public.plans`).toMatchObject([{ plans: 3 }]);
    expect(await sql`select private.call_reconciler() as request`).toMatchObject([{ request: null }]);
  }),
);

test("empty.sql of docs/operations.md empties our tables and keeps other tables of Storage", () =>
  onServer(async (sql) => {
    await migrate(sql);
    await sql.unsafe(`create table storage.buckets_vectors (id text); insert into storage.buckets_vectors values ('kept');
      create table storage.migrations (id int); insert into storage.migrations values (1);
      insert into storage.objects (bucket_id, name) values ('uploads', 'gone.png')`);
    const [, block = ""] =
      /`empty\.sql`:\n\n```text\n([\s\S]*?)```/.exec(
        readFileSync(join(repositoryRoot, "docs/operations.md"), "utf8"),
      ) ?? [];
    await sql.begin(async (tx) => {
      await tx`set local session_replication_role = replica`;
      await tx.unsafe(block);
    });
    const [left] =
      await sql`select (select count(*)::int from public.plans) as plans, (select count(*)::int from storage.objects) as objects,
      (select count(*)::int from storage.buckets) as buckets, (select count(*)::int from storage.buckets_vectors) as vectors,
      (select count(*)::int from storage.migrations) as migrations`;
    expect(left).toEqual({ plans: 0, objects: 0, buckets: 0, vectors: 1, migrations: 1 });
  }));
