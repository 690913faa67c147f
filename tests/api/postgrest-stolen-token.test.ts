import { beforeAll, describe, expect, test } from "vitest";
import { api } from "../support/api.ts";
import { callGateway, rest } from "../support/call-gateway.ts";
import { accessOf, exposedSchemas, type Table, tablesOf } from "../support/rls-matrix.ts";
import { owner } from "../support/sql.ts";
import { makeWorld, type World } from "../support/world.ts";

let world: World;
let tables: Table[];
let thief: { token: string };

beforeAll(async () => {
  world = await makeWorld();
  tables = await tablesOf(exposedSchemas);
  thief = { token: world.a.user.token };
});

describe("the token of an end user at /rest/v1", () => {
  test("an end user's token reads at /rest/v1/users the account of /auth/me and no other", async () => {
    const me = (await api("/auth/me", { headers: world.a.user.headers })).body;
    const { body } = await rest(thief, "GET", "users?select=*", undefined, { prefer: "count=exact" });
    expect(body).toHaveLength(1);
    const { id, email, full_name, role, project_id } = body[0];
    expect({ id, email, full_name, role, project_id }).toEqual({
      id: me.id,
      email: me.email,
      full_name: me.full_name,
      role: me.role,
      project_id: me.project_id,
    });
  });

  test.each([
    "users?select=id&email=like.*&id=neq.:me",
    "users?select=id&or=(role.eq.developer,role.eq.operator,project_id.is.null)",
    "users?select=id&id=neq.:me",
    "users?select=email&order=created_at.asc&limit=1&id=neq.:me",
    "generations?select=id&user_id=neq.:me",
    "generations?select=id&is_public=is.true",
    "projects?select=id",
    "projects?select=id&id=eq.:project",
    "api_keys?select=id",
    "api_keys?select=id,projects(name,users!users_project_id_fkey(email))",
    "developer_keys?select=id",
    "generation_usage?select=project_id",
  ])("an end user's token finds no row at /rest/v1 by %s", async (query) => {
    const filled = query.replaceAll(":me", world.a.user.id).replaceAll(":project", world.a.project_id);
    const answer = await rest(thief, "GET", filled, undefined, { prefer: "count=exact" });
    expect([answer.status, answer.body]).toEqual([200, []]);
    expect(answer.headers.get("content-range")).toBe("*/0");
  });

  test("an end user's token cannot join rows at /rest/v1 that it may not read directly", async () => {
    const joined = [
      "users?select=id,project:projects!users_project_id_fkey(id,name)",
      "users?select=id,keys:developer_keys(id)",
      "generations?select=id,project:projects(name,owner_id)",
    ];
    for (const query of joined) {
      const { status, body } = await rest(thief, "GET", query);
      expect(status, query).toBe(200);
      for (const { id: _, ...found } of body) {
        expect(
          Object.values(found).filter((value) => value !== null && (value as unknown[]).length !== 0),
        ).toEqual([]);
      }
    }
  });

  test("no token can select, filter by, sort by or join the hash of a key at /rest/v1", async () => {
    for (const caller of [thief, { token: world.a.developer.token }, { token: world.operator.token }, {}]) {
      for (const table of ["api_keys", "developer_keys", "operator_keys"]) {
        for (const query of [
          "select=key_hash",
          "select=*",
          "select=id&key_hash=neq.x",
          "select=id&order=key_hash",
        ]) {
          const { code } = await rest(caller, "GET", `${table}?${query}`);
          expect(code, `${table}?${query}`).toBe("42501");
        }
      }
      expect((await rest(caller, "GET", "projects?select=id,api_keys(key_hash)")).code).toBe("42501");
    }
  });

  test("an end user's token cannot insert, upsert, update or delete any row at /rest/v1", async () => {
    const { id, project } = { id: world.a.user.id, project: world.a.project_id };
    const before = await contents();
    const generation = {
      id: crypto.randomUUID(),
      project_id: project,
      user_id: id,
      instructions: "x",
      model: "m",
    };
    const writes: [string, string, unknown?, object?][] = [
      ["POST", "generations", { ...generation, charge: "reserved", charged_month: "2026-01-01" }],
      ["POST", "generations", [generation, { ...generation, id: crypto.randomUUID() }]],
      ["POST", "generation_usage", { project_id: project, month: "2026-01-01", generations: 0 }],
      [
        "POST",
        "generation_usage?on_conflict=project_id,month",
        { project_id: project, month: "2026-01-01" },
        {
          prefer: "resolution=merge-duplicates",
        },
      ],
      ["PATCH", `generation_usage?project_id=eq.${project}`, { generations: 0 }],
      ["PATCH", `generations?user_id=eq.${id}`, { is_public: true }],
      ["PUT", `users?id=eq.${id}`, { id, role: "operator", email: "x@example.com" }],
      ["PATCH", `users?id=eq.${id}`, { role: "operator", project_id: null }],
      ["PATCH", `users?id=eq.${id}`, { plan_id: "premium" }],
      ["DELETE", `users?id=eq.${id}`],
      ["POST", "projects", { owner_id: id, name: "Mine" }],
      ["POST", "api_keys", { project_id: project, key_prefix: "12345678", key_hash: "\\x00" }],
      ["POST", "plans", { id: "mine" }],
      ["PATCH", "plans?id=eq.free", { generations_per_month: null }],
    ];
    for (const [method, path, json, headers] of writes) {
      const { status, code } = await rest(thief, method, path, json, headers);
      expect([status, code], `${method} ${path}`).toEqual([403, "42501"]);
    }
    expect(await contents()).toEqual(before);
  });

  test("an end user's token can call no private function at /rest/v1, by any schema or method", async () => {
    const functions = await owner<{ name: string }[]>`
      select distinct proname as name from pg_proc where pronamespace = 'private'::regnamespace`;
    expect(functions.length).toBeGreaterThan(20);
    const answered: string[] = [];
    for (const { name } of [
      ...functions,
      { name: "set_config" },
      { name: "pg_read_file" },
      { name: "crypt" },
    ]) {
      for (const caller of [thief, {}]) {
        const answers = await Promise.all([
          rest(caller, "POST", `rpc/${name}`, { credentials: {}, scope: "public" }),
          rest(caller, "POST", `rpc/${name}`, {}, { "content-profile": "private" }),
          rest(caller, "GET", `rpc/${name}`, undefined, { "accept-profile": "private" }),
          rest(caller, "POST", `rpc/private.${name}`, {}),
        ]);
        if (!answers.every(({ status }) => status === 404 || status === 406)) answered.push(name);
      }
    }
    expect(answered).toEqual([]);
  });

  test.each([
    "private",
    "auth",
    "storage",
    "extensions",
    "pg_catalog",
    "information_schema",
    "supabase_migrations",
  ])("an end user's token does not reach the schema %s at /rest/v1", async (schema) => {
    for (const table of ["users", "sessions", "objects", "pg_authid", "tables", "schema_migrations"]) {
      const { status } = await rest(thief, "GET", table, undefined, { "accept-profile": schema });
      expect(status).toBe(406);
    }
  });

  test("no token reads a table that expected-access.ts closes", async () => {
    const closed = tables.filter((table) => accessOf(table).columns === undefined);
    expect(closed.length).toBeGreaterThan(0);
    for (const table of closed) {
      for (const caller of [thief, { token: world.a.developer.token }, {}]) {
        const { code } = await rest(
          caller,
          "GET",
          `${table.name.replace("public.", "")}?select=${table.key[0]}`,
        );
        expect(code, table.name).toBe("42501");
      }
    }
  });
});

test("the root of /rest/v1 shows neither key hashes nor operator keys to an end user's token", async () => {
  const { body } = await callGateway(thief, "GET", "/rest/v1/");
  expect(JSON.stringify(body)).not.toMatch(/key_hash|operator_keys/);
});

async function contents(): Promise<unknown> {
  return owner`
    select (select jsonb_agg(to_jsonb(u) order by u.id) from public.users u where u.id = any (${world.a.people})) as users,
      (select jsonb_agg(to_jsonb(g) order by g.id) from public.generations g where g.project_id = ${world.a.project_id}) as generations,
      (select jsonb_agg(to_jsonb(g)) from public.generation_usage g where g.project_id = ${world.a.project_id}) as usage,
      (select count(*) from public.api_keys k where k.project_id = ${world.a.project_id}) as keys,
      (select count(*) from public.projects p where p.owner_id = any (${world.a.people})) as projects,
      (select to_jsonb(p) from public.plans p where p.id = 'free') as plan`;
}
