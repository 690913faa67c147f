import { describe, expect, test } from "vitest";
import { catalogChecks } from "../support/catalog.ts";
import { admin, failureOf, owner, rolledBack, setRole } from "../support/sql.ts";
import { expectedExecute } from "./expected-access.ts";

test.each(Object.entries(catalogChecks))("%s", async (_name, check) => {
  expect(await check(owner)).toEqual([]);
});

test("each check of the catalog fails for a schema that breaks its rule", async () => {
  const silent = await rolledBack(async (tx) => {
    await tx.unsafe(`
      create schema unheard_of;
      grant create on schema private to anon;
      grant anon to api_reader;
      create table public.careless (id uuid primary key, project_id uuid references public.projects, key_hash bytea);
      grant select, insert on public.careless to anon;
      create table public.ruled (id uuid primary key, project_id uuid);
      create policy anything on public.ruled using (project_id is not null);
      create view public.peek as select * from public.users;
      create function private.lost() returns void language plpgsql as 'begin perform private.nowhere(); end';
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

test("new tables and functions grant nothing to anon, authenticated and service_role", async () => {
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

describe.each(["anon", "authenticated"] as const)("%s outside the API", (role) => {
  /** Calls each of our functions with nulls. @returns the error code and the role afterwards. */
  const called = async () => {
    const functions = await admin<{ name: string; call: string }[]>`
      select format('%I.%I', n.nspname, p.proname) as name, format('select %I.%I(%s)', n.nspname, p.proname,
        (select string_agg('null::' || format_type(type, null), ', ' order by place)
          from unnest(p.proargtypes) with ordinality as argument (type, place))) as call
      from pg_proc p join pg_namespace n on n.oid = p.pronamespace
      where n.nspname in ('public', 'private', 'reports') and p.prorettype <> 'trigger'::regtype`;
    const answers = [];
    for (const { name, call } of functions) {
      let after: string | undefined;
      const failure = await failureOf(
        rolledBack(async (tx) => {
          await setRole(tx, role, undefined);
          await tx.unsafe(call);
          [{ after }] = (await tx`select current_user::text as after`) as unknown as [{ after: string }];
        }),
      );
      answers.push({ name, code: failure?.code, after });
    }
    return answers;
  };

  test(`${role} can execute only the functions of expected-access.ts, and keeps its role`, async () => {
    const answers = await called();
    expect(answers.length).toBeGreaterThan(100);
    const refused = answers.filter(({ code }) => code === "42501").map(({ name }) => name);
    const done = answers.filter(({ code }) => code !== "42501");
    expect(done.map(({ name }) => name).sort()).toEqual(expectedExecute[role]);
    expect(refused.filter((name) => expectedExecute[role].includes(name))).toEqual([]);
    expect(done.filter(({ code, after }) => code === undefined && after !== role)).toEqual([]);
  });
});

test("anon and authenticated cannot create tables or schemas, nor disable row-level security", async () => {
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
