import { beforeAll, expect, test } from "vitest";
import { type RestAnswer, rest } from "../support/call-gateway.ts";
import {
  actorsOf,
  type Cell,
  cellsOf,
  childrenFirst,
  conditionForRow,
  exposedSchemas,
  mismatches,
  report,
  seedTables,
  type Table,
  tablesOf,
} from "../support/rls-matrix.ts";
import { admin } from "../support/sql.ts";
import { makeClosed, makeWorld, type World } from "../support/world.ts";

let world: World;
let tables: Table[];
let cells: Cell[];

beforeAll(async () => {
  world = await makeWorld();
  tables = await tablesOf(exposedSchemas);
  await seedTables(world, tables);
  cells = await cellsOf(tables, actorsOf(world));
});

test("each role at /rest/v1 can do to own and foreign rows exactly what expected-access.ts says", {
  timeout: 240_000,
}, async () => {
  const isRemoval = ({ actor, command }: Cell) => actor.role === "service_role" && command === "delete";
  const wrong = await mismatches(
    cells.filter((cell) => !isRemoval(cell)),
    attempt,
  );
  // service_role really deletes rows: its deletes run last, and referencing rows come first.
  const removals = childrenFirst(tables, ["public.projects", "public.users"]).flatMap((table) =>
    cells.filter((cell) => cell.table === table && isRemoval(cell)),
  );
  wrong.push(...(await mismatches(removals, attempt, 1)));
  expect(wrong).toEqual([]);
  report("RLS matrix over /rest/v1", tables, cells);
});

test("no token or key reaches a table of the private schema at /rest/v1", async () => {
  const callers = actorsOf(world).map(({ token, role }) => ({ token, service: role === "service_role" }));
  const hidden = (await tablesOf(["private"])).map(({ name }) => name.replace(/^private\./, ""));
  expect(hidden.length).toBeGreaterThan(9);
  for (const table of hidden) {
    for (const caller of callers) {
      const plain = await rest(caller, "GET", table);
      const named = await rest(caller, "GET", table, undefined, { "accept-profile": "private" });
      expect([table, plain.status, [404, 406].includes(named.status)]).toEqual([table, 404, true]);
    }
  }
});

test("the token of a closed project or account reads no row of any table at /rest/v1", async () => {
  const seen: string[] = [];
  for (const [name, { token }] of Object.entries(await makeClosed())) {
    for (const table of tables) {
      const path = `${table.name.replace(/^public\./, "")}?select=${table.key.join(",")}&limit=1`;
      const answer = await rest({ token }, "GET", path);
      if (!refused(answer) && answer.body.length > 0) seen.push(`${name} sees ${table.name}`);
    }
  }
  expect(seen).toEqual([]);
});

test("a deleted project and its generations are hidden from its developer at /rest/v1", async () => {
  const { developer, deleted_project_id } = world.a;
  for (const path of [
    "generations?project_id",
    "generation_usage?project_id",
    "api_keys?project_id",
    "projects?id",
  ]) {
    const [table, column] = path.split("?");
    const answer = await rest(
      developer,
      "GET",
      `${table}?select=${column}&${column}=eq.${deleted_project_id}`,
    );
    expect([path, answer.status, answer.body]).toEqual([path, 200, []]);
  }
});

/** Whether the caller reached the row. For writes the database decides. */
async function attempt({ table, command, actor, row }: Cell): Promise<boolean> {
  const caller = { token: actor.token, service: actor.role === "service_role" };
  const path = table.name.replace(/^public\./, "");
  const filter = filterOf(table, row);
  const version = async () => {
    const [found] = await admin.unsafe(
      `select xmin::text as version from ${table.name} where ${conditionForRow(table, row)}`,
    );
    return found?.version;
  };
  const quiet = { prefer: "return=minimal" };
  if (command === "select") {
    const answer = await rest(caller, "GET", `${path}?select=${table.key.join(",")}&${filter}`);
    return !refused(answer) && answer.body.length === 1;
  }
  if (command === "insert") {
    const given = table.writable.filter((column) => column !== table.identity);
    const values = Object.fromEntries(given.map((column) => [column, row[column]]));
    const answer = await rest(caller, "POST", path, values, quiet);
    return !refused(answer);
  }
  const before = await version();
  const answer =
    command === "update"
      ? await rest(caller, "PATCH", `${path}?${filter}`, { [table.updatable]: row[table.updatable] }, quiet)
      : await rest(caller, "DELETE", `${path}?${filter}`, undefined, quiet);
  return !refused(answer) && (isConstraint(answer) || (await version()) !== before);
}

/** Filters by the key, or by the other columns if the key is binary: the embedded stack cannot compare those. */
function filterOf(table: Table, row: Cell["row"]): string {
  const isText = (column: string) => row[column] !== null && !String(row[column]).startsWith("\\x");
  const columns = table.key.every(isText) ? table.key : table.writable.filter(isText);
  return columns.map((column) => `${column}=eq.${encodeURIComponent(String(row[column]))}`).join("&");
}

/** A missing right, a policy or our trigger is a refusal. A constraint is not: Postgres checks it after those. */
function refused({ status, code = "", body }: RestAnswer): boolean {
  if (code === "42501" || code === "P0001") return true;
  if (status < 300 || isConstraint({ code, body })) return false;
  throw new Error(`${status} ${JSON.stringify(body)}`);
}

/** The embedded stack reports some constraints without their SQLSTATE. */
function isConstraint({ code = "", body }: Pick<RestAnswer, "code" | "body">): boolean {
  return code.startsWith("23") || / violates \S+( \S+)? constraint /.test(String(body?.message));
}
