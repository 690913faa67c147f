import { readConfig } from "../../scripts/local/config.ts";
import { expectedTables, type TableAccess } from "../db/expected-access.ts";
import { admin, type Claims, claimsOf, type DatabaseRole } from "./sql.ts";
import type { Side, World } from "./world.ts";

export const commands = ["select", "insert", "update", "delete"] as const;
export type Command = (typeof commands)[number];
type Rule = "anon" | "end_user" | "developer" | "operator";

export type Actor = {
  name: string;
  role: DatabaseRole;
  token?: string;
  claims?: Claims;
  /** The role in expected-access.ts. Without it nothing is allowed. service_role does not use it. */
  rule?: Rule;
  ids: Record<string, string>;
};

export type Table = {
  /** Schema and name. */
  name: string;
  is_view: boolean;
  /** The columns of the primary key. Of a view, the first column. */
  key: string[];
  /** The columns that an insert may name. */
  writable: string[];
  /** A column that an update may set to itself. */
  updatable: string;
  /** The column that only the database fills, if any. */
  identity: string | null;
  /** Tables with a foreign key to it. */
  referenced_by: string[];
};

export type Row = Record<string, unknown>;
export type Cell = {
  table: Table;
  command: Command;
  actor: Actor;
  whose: "own" | "peer" | "foreign";
  row: Row;
  expected: boolean;
};

export const exposedSchemas = readConfig().section("api").schemas as string[];
/** The exposed schemas and `private`, which PostgREST does not expose. */
export const guardedSchemas = [...exposedSchemas, "private"];

export function actorsOf(world: World): Actor[] {
  const { a, b } = world;
  const ids = (me: string, side: Side, other: Side) => idsOf(me, side, other, world.operator.id);
  const user = (
    name: string,
    rule: Rule | undefined,
    me: { id: string; token: string },
    side: Side,
    other: Side,
  ) => ({
    name,
    role: "authenticated" as const,
    token: me.token,
    claims: claimsOf(me.token),
    ...(rule && { rule }),
    ids: ids(me.id, side, other),
  });
  return [
    { name: "anon", role: "anon", rule: "anon", ids: ids(a.user.id, a, b) },
    user("end user of A", "end_user", a.user, a, b),
    user("end user of B", "end_user", b.user, b, a),
    user("deactivated end user of A", undefined, world.deactivated, a, b),
    user("developer of A", "developer", a.developer, a, b),
    user("developer of B", "developer", b.developer, b, a),
    user("operator", "operator", world.operator, a, b),
    { name: "service_role", role: "service_role", ids: ids(a.user.id, a, b) },
  ];
}

function idsOf(me: string, side: Side, other: Side, operator: string): Record<string, string> {
  const list = (ids: string[]) => `array[${ids.map((id) => `'${id}'`).join(", ")}]::uuid[]`;
  return {
    me: `'${me}'::uuid`,
    operator: `'${operator}'::uuid`,
    project: `'${side.project_id}'::uuid`,
    people: list(side.people),
    other_project: `'${other.project_id}'::uuid`,
    other_people: list(other.people),
  };
}

export function bindIds(condition: string, { ids }: Actor): string {
  return condition.replace(/(?<!:):([a-z_]+)/g, (whole, name: string) => ids[name] ?? whole);
}

/** Every table and view of the schemas, from the catalog. */
export async function tablesOf(schemas: string[]): Promise<Table[]> {
  return admin<Table[]>`
    select format('%I.%I', namespace.nspname, relation.relname) as name,
      relation.relkind in ('v', 'm') as is_view,
      coalesce((select array_agg(a.attname::text order by a.attnum) from pg_index i
        join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any (i.indkey)
        where i.indrelid = relation.oid and i.indisprimary),
        (select array[a.attname::text] from pg_attribute a where a.attrelid = relation.oid and a.attnum = 1)) as key,
      (select array_agg(a.attname::text order by a.attnum) from pg_attribute a
        where a.attrelid = relation.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = '') as writable,
      (select a.attname::text from pg_attribute a
        where a.attrelid = relation.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = '' and a.attidentity = ''
        order by a.attnum desc limit 1) as updatable,
      (select a.attname::text from pg_attribute a
        where a.attrelid = relation.oid and a.attidentity <> '' limit 1) as identity,
      array(select distinct format('%I.%I', n.nspname, c.relname) from pg_constraint k
        join pg_class c on c.oid = k.conrelid join pg_namespace n on n.oid = c.relnamespace
        where k.confrelid = relation.oid and k.conrelid <> relation.oid) as referenced_by
    from pg_class relation join pg_namespace namespace on namespace.oid = relation.relnamespace
    where namespace.nspname = any (${schemas}) and relation.relkind in ('r', 'p', 'f', 'v', 'm') order by 1`;
}

export function accessOf(table: Table): TableAccess {
  const access = expectedTables[table.name];
  if (access === undefined) throw new Error(`${table.name} has no line in tests/db/expected-access.ts`);
  return access;
}

/** Adds rows to tables that the world leaves empty. */
export async function seedTables(world: World, tables: Table[]): Promise<void> {
  for (const table of tables) {
    const { seed } = accessOf(table);
    if (seed === undefined) continue;
    for (const { project_id, user, developer } of [world.a, world.b]) {
      await admin.unsafe(
        seed({ project_id, user_id: user.id, developer_id: developer.id, operator_id: world.operator.id }),
      );
    }
  }
}

/** All combinations of table, command, actor and row (own, peer's or another tenant's), with the expected result. */
export async function cellsOf(tables: Table[], actors: Actor[]): Promise<Cell[]> {
  const cells: Cell[] = [];
  // A view shows only what its caller sees of its tables, as the catalog tests ensure. Its rows are compared as a whole.
  for (const table of tables.filter(({ is_view }) => !is_view)) {
    const access = accessOf(table);
    for (const actor of actors) {
      for (const [whose, conditions] of Object.entries(rowsOf(table, access))) {
        const row = await firstRow(table, conditions, actor);
        if (row === undefined && whose === "peer") continue;
        if (row === undefined)
          throw new Error(`${table.name} has no ${whose} row for ${actor.name}: add own, foreign or seed`);
        for (const command of commands) {
          const expected = await isExpected(table, access, actor, command, row);
          cells.push({ table, command, actor, whose: whose as Cell["whose"], row, expected });
        }
      }
    }
  }
  return cells;
}

function rowsOf(table: Table, access: TableAccess): Record<Cell["whose"], string[]> {
  const has = (column: string) => table.writable.includes(column);
  const of = (project: string) =>
    `generation_id in (select id from public.generations where project_id = ${project})`;
  const own = [
    access.own,
    has("user_id") && "user_id = :me",
    has("project_id") && "project_id = :project",
    has("user_id") && "user_id = any (:people)",
    has("generation_id") && of(":project"),
  ];
  const foreign = [
    access.foreign,
    has("project_id") && "project_id = :other_project",
    has("user_id") && "user_id = any (:other_people)",
    has("generation_id") && of(":other_project"),
  ];
  const peer = [
    has("user_id") && has("project_id") && "project_id = :project and user_id <> :me",
    table.name === "public.users" && "project_id = :project and id <> :me",
  ];
  const present = (list: (string | false | undefined)[]) => list.filter((item) => typeof item === "string");
  return { own: present(own), peer: present(peer), foreign: present(foreign) };
}

async function firstRow(table: Table, conditions: string[], actor: Actor): Promise<Row | undefined> {
  for (const condition of conditions) {
    const [found] = await admin.unsafe<{ row: Row }[]>(
      `select to_jsonb(t) as row from ${table.name} t where ${bindIds(condition, actor)} limit 1`,
    );
    if (found !== undefined) return found.row;
  }
  return undefined;
}

async function isExpected(table: Table, access: TableAccess, actor: Actor, command: Command, row: Row) {
  if (actor.role === "service_role")
    return (access.service ?? commands.join(" ")).split(" ").includes(command);
  const condition = command === "select" && actor.rule !== undefined ? access[actor.rule] : undefined;
  if (condition === undefined) return false;
  const [found] = await admin.unsafe(
    `select from ${table.name} where ${conditionForRow(table, row)} and (${bindIds(condition, actor)})`,
  );
  return found !== undefined;
}

/** The condition for exactly this row. Its values come from the database. */
export function conditionForRow(table: Table, row: Row): string {
  return table.key
    .map((column) => `"${column}"::text = '${String(row[column]).replaceAll("'", "''")}'`)
    .join(" and ");
}

export const nameOf = ({ table, command, actor, whose, expected }: Cell) =>
  `${actor.name} ${expected ? "may" : "must not"} ${command} ${whose} row of ${table.name}`;

/** Attempts the cells, a few at a time. @returns the names of those with an unexpected result */
export async function mismatches(
  cells: Cell[],
  attempt: (cell: Cell) => Promise<boolean>,
  atOnce = 8,
): Promise<string[]> {
  const [wrong, queue]: [string[], Cell[]] = [[], [...cells]];
  const worker = async () => {
    for (let cell = queue.shift(); cell !== undefined; cell = queue.shift()) {
      if ((await attempt(cell)) !== cell.expected) wrong.push(nameOf(cell));
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return wrong.sort();
}

/** Sorts tables so that references come before their targets. In a cycle the tables of `last` come last. */
export function childrenFirst(tables: Table[], last: string[]): Table[] {
  const sorted: Table[] = [];
  const seen = new Set<string>();
  const visit = (name: string) => {
    const table = tables.find((candidate) => candidate.name === name);
    if (table === undefined || seen.has(name)) return;
    seen.add(name);
    for (const child of table.referenced_by) visit(child);
    sorted.push(table);
  };
  for (const name of [...last, ...tables.map((table) => table.name)]) visit(name);
  return sorted;
}

export function report(title: string, tables: Table[], cells: Cell[]): void {
  const allowed = cells.filter((cell) => cell.expected).length;
  console.log(
    `${title}: ${tables.length} tables, ${cells.length} cells, ${allowed} allowed, ${cells.length - allowed} denied`,
  );
}
