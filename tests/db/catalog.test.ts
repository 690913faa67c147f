import { afterAll, describe, expect, test } from "vitest";
import { catalogChecks } from "../support/catalog.ts";
import { admin, failureOf, owner, rolledBack } from "../support/sql.ts";

afterAll(async () => {
  await Promise.all([owner.end(), admin.end()]);
});

describe("the schema", () => {
  test.each(Object.entries(catalogChecks))("%s", async (_name, check) => {
    expect(await check(owner)).toEqual([]);
  });
});

test("each of these checks fails for a schema that breaks its rule", async () => {
  const silent = await rolledBack(async (tx) => {
    await tx.unsafe(`
      create schema unheard_of;
      grant create on schema private to anon;
      create table public.careless (id uuid primary key, project_id uuid references public.projects, key_hash bytea);
      grant select, insert on public.careless to anon;
      create table public.ruled (id uuid primary key, project_id uuid);
      create policy anything on public.ruled using (project_id is not null);
      create view public.peek as select * from public.users;
      create function private.loose() returns int language sql security definer as 'select 1';
      grant execute on function private.loose() to public;
      create function private.partial() returns int language sql as 'select 1';
      grant execute on function private.partial() to authenticated`);
    const blind: string[] = [];
    for (const [name, check] of Object.entries(catalogChecks)) {
      if ((await check(tx)).length === 0) blind.push(name);
    }
    return blind;
  });
  expect(silent).toEqual([]);
});

test("what a migration creates is closed to everybody until it grants something", async () => {
  const open = await rolledBack(async (tx) => {
    await tx.unsafe(`
      create table public.brand_new (id bigint generated always as identity primary key);
      create function private.brand_new() returns int language sql as 'select 1';
      create function public.brand_new() returns int language sql as 'select 1'`);
    return tx`
      select role, has_table_privilege(role, 'public.brand_new', 'select, insert, update, delete, truncate') as "table",
        has_function_privilege(role, 'private.brand_new()', 'execute') as private,
        has_function_privilege(role, 'public.brand_new()', 'execute') as public
      from unnest(array['anon', 'authenticated', 'service_role']) as role`;
  });
  const closed = { table: false, private: false, public: false };
  expect(open).toEqual(["anon", "authenticated", "service_role"].map((role) => ({ role, ...closed })));
});

test("a role of PostgREST cannot make itself another, nor create anything", async () => {
  for (const role of ["anon", "authenticated"]) {
    for (const text of [
      "create table public.mine (id int)",
      "create schema mine",
      "alter table public.users disable row level security",
    ]) {
      const failure = await failureOf(
        rolledBack(async (tx) => {
          await tx`select set_config('role', ${role}, true)`;
          await tx.unsafe(text);
        }),
      );
      expect(failure?.code, `${role}: ${text}`).toBe("42501");
    }
  }
});
