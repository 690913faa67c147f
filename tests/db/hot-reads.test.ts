import postgres from "postgres";
import { beforeAll, describe, expect, inject, onTestFinished, test } from "vitest";
import { createHotReads, type HotRead } from "../../supabase/functions/api/clients/hot-reads.ts";
import { ownAccount } from "../../supabase/functions/api/resources/auth/store.ts";
import { ownGeneration, ownPage } from "../../supabase/functions/api/resources/generations/store.ts";
import { accessOf, actorsOf, bindIds, tablesOf } from "../support/rls-matrix.ts";
import { admin, owner, rolledBack, type Tx } from "../support/sql.ts";
import { addGeneration, endUserCredentials, makeWorld, type World } from "../support/world.ts";

let world: World;
const hot = createHotReads();

beforeAll(async () => {
  world = await makeWorld();
});
/** Runs a hot read with the given query for the end user of A, in the function's own role. */
async function read(query: string, args: string[] = [], sql: Pick<typeof owner, "unsafe"> = owner) {
  const faulty: HotRead = { name: query, limit: "reads", needsKeys: true, isShort: true, query };
  const statement = hot.statementOf(faulty, args, endUserCredentials(world.a))?.("left");
  if (statement === undefined) throw new Error("no statement");
  return sql.unsafe(statement.text, statement.values);
}

describe("policies of hot reads", () => {
  const all = (view: string) => `select json_agg(v.id order by v.id)::text as result from private.${view} v`;
  const idsOf = async (query: string) =>
    (await read(query)).flatMap(({ result }) => JSON.parse(result ?? "[]") as string[]);

  test("a hot read of all accounts returns only the caller's own", async () => {
    expect(await idsOf(all("own_accounts"))).toEqual([world.a.user.id]);
  });

  test("a hot read of all generations returns only the caller's own in this project", async () => {
    await addGeneration(world.a.deleted_project_id, world.a.user.id);
    const own = await admin`select id from public.generations
      where user_id = ${world.a.user.id} and project_id = ${world.a.project_id} order by id`;
    expect(own.length).toBeGreaterThan(0);
    expect(await idsOf(all("own_generations"))).toEqual(own.map(({ id }) => id));
  });

  test("a hot read with the id of another account returns no row, in the same or another project", async () => {
    for (const { id } of [world.a.peer, world.a.developer, world.b.user]) {
      const query = `select v.item as result from private.own_accounts v where v.id = '${id}'`;
      expect(await read(query)).toEqual([]);
      const [foreign] = await admin`select id from public.generations where user_id = ${id} limit 1`;
      const generation = "select g.item as result from private.own_generations g where g.id = $1";
      expect(await read(generation, [foreign?.id])).toEqual([]);
    }
  });

  test("a hot read without a set caller returns no row", async () => {
    const early: HotRead = {
      name: "early",
      limit: "reads",
      needsKeys: false,
      isShort: true,
      query: all("own_accounts"),
    };
    const { text = "", values } = hot.statementOf(early, [], endUserCredentials(world.a))?.("left") ?? {};
    const unremembered = text.replace(/set_config\([^)]*\)/g, "''");
    expect(unremembered).not.toContain("set_config");
    expect(await owner.unsafe(unremembered, values)).toMatchObject([{ result: null }]);
  });

  test("a connection forgets the caller after a hot read", async () => {
    const connection = await owner.reserve();
    try {
      expect(await read(all("own_accounts"), [], connection)).toHaveLength(1);
      expect(await connection.unsafe(all("own_accounts"))).toMatchObject([{ result: null }]);
    } finally {
      connection.release();
    }
  });
});

test("each hot read uses a generic plan after five requests on a connection", async () => {
  const sent = endUserCredentials(world.a);
  const [generation] = await admin`select id, created_at::text from public.generations
    where user_id = ${world.a.user.id} and project_id = ${world.a.project_id} limit 1`;
  const planned: [HotRead, (string | number)[]][] = [
    [ownAccount, []],
    [ownGeneration, [generation?.id]],
    [ownPage("first", 20), []],
    [ownPage("next", 20), [generation?.created_at, generation?.id, 1]],
  ];
  for (const [query, args] of planned) {
    const { text = "", values = [] } = hot.statementOf(query, args, sent)?.("counted") ?? {};
    // Its own connection, because a statement is planned once for each.
    const connection = postgres(inject("stack").database_url ?? "", { max: 1 });
    onTestFinished(() => connection.end());
    for (let turn = 0; turn < 12; turn++) await connection.unsafe(text, values, { prepare: true });
    const plans = await connection`select generic_plans::integer as generic, custom_plans::integer as custom
      from pg_prepared_statements where statement = ${text}`;
    expect([query.name, ...plans]).toEqual([query.name, { generic: 7, custom: 5 }]);
  }
});

test("the views of hot reads show every caller exactly the rows of expected-access.ts", async () => {
  const views = (await tablesOf(["private"])).filter((table) => accessOf(table).remembered !== undefined);
  expect(views.map(({ name }) => name)).toEqual(["private.own_accounts", "private.own_generations"]);
  const remember = (tx: Tx, me: string, project: string) =>
    tx.unsafe(
      `select set_config('app.user_id', ${me}::text, true), set_config('app.project_id', ${project}::text, true)`,
    );
  const wrong: string[] = [];
  for (const view of views) {
    for (const actor of actorsOf(world)) {
      const { me = "", project = "" } = actor.ids;
      const condition = bindIds(accessOf(view).remembered ?? "", actor);
      const table = view.name === "private.own_accounts" ? "public.users" : "public.generations";
      const expected = await admin.unsafe(`select id from ${table} where ${condition} order by id`);
      const seen = await rolledBack(async (tx) => {
        await remember(tx, me, project);
        return tx.unsafe(`select id from ${view.name} order by id`);
      });
      if (JSON.stringify(seen) !== JSON.stringify(expected))
        wrong.push(`${actor.name}: ${seen.length} rows of ${view.name}, not ${expected.length}`);
    }
  }
  expect(wrong).toEqual([]);
});
