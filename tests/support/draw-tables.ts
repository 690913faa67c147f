import type postgres from "postgres";

type Table = {
  name: string;
  /** The columns of its primary and foreign keys, in order, with the tables that foreign keys reference. */
  keys: { name: string; primary: boolean; target: string | null }[];
};

/** The columns of the drawing. Referenced tables are left of their references. Other tables go into the last column. */
const columns = [
  ["auth.users", "plans", "models", "audit_events"],
  ["users", "projects"],
  [
    "operator_keys",
    "developer_keys",
    "api_keys",
    "generations",
    "generation_usage",
    "project_transfers",
    "webhooks",
  ],
  ["key_usage", "uploads", "generation_events", "webhook_deliveries"],
];
const [width, row, head, gap, between] = [204, 20, 28, 24, 96];

/** Reads the tables of `public` and auth.users from the catalog of a running database. */
async function readTables(sql: postgres.Sql): Promise<Table[]> {
  return sql<Table[]>`
    with own as (
      select c.oid, case when n.nspname = 'public' then c.relname else n.nspname || '.' || c.relname end as name
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relkind = 'r' and (n.nspname = 'public' or n.nspname = 'auth' and c.relname = 'users')
    )
    select own.name, (
      select coalesce(json_agg(json_build_object('name', key.name, 'primary', key.is_primary, 'target', key.target)
        order by not key.is_primary, key.at), '[]')
      from (
        select a.attname as name, a.attnum as at, bool_or(k.contype = 'p') as is_primary, min(other.name) as target
        from pg_constraint k join pg_attribute a on a.attrelid = k.conrelid and a.attnum = any (k.conkey)
          left join own other on other.oid = k.confrelid
        where k.conrelid = own.oid and (k.contype = 'p' or k.contype = 'f' and other.name is not null)
        group by 1, 2
      ) as key
    ) as keys
    from own order by own.name collate "C"`;
}

/** Draws the tables as SVG. */
export async function drawTables(sql: postgres.Sql): Promise<string> {
  const tables = await readTables(sql);
  const placed = new Set(columns.flat());
  const rest = tables.map(({ name }) => name).filter((name) => !placed.has(name));
  const boxes = new Map<string, Table & { x: number; y: number; column: number }>();
  const heightOf = ({ keys }: Table) => head + keys.length * row + 6;
  const stacks = columns.map((names, at) =>
    (at === columns.length - 1 ? [...names, ...rest] : names).map((name) => {
      const table = tables.find((one) => one.name === name);
      if (table === undefined) throw new Error(`The map places ${name}, which the database does not have.`);
      return table;
    }),
  );
  const heights = stacks.map((stack) => stack.reduce((sum, table) => sum + heightOf(table) + gap, gap));
  const height = Math.max(...heights);
  for (const [at, stack] of stacks.entries()) {
    let y = gap + Math.round((height - (heights[at] ?? 0)) / 2);
    for (const table of stack) {
      boxes.set(table.name, { ...table, x: gap + at * (width + between), y, column: at });
      y += heightOf(table) + gap;
    }
  }
  const all = [...boxes.values()];
  const lines = all.flatMap((box) =>
    box.keys.flatMap(({ target }, at) => {
      const to = boxes.get(target ?? "");
      if (to === undefined) return [];
      const [y, end] = [box.y + head + at * row + row / 2, to.y + head / 2];
      // A line within a column or to the right begins and ends on the right side.
      if (to.column >= box.column) {
        const [x, over] = [box.x + width, Math.max(box.x, to.x) + width + between / 2 - 12];
        return `<path class="line" d="M${x} ${y}C${over} ${y} ${over} ${end} ${to.x + width} ${end}"/>`;
      }
      const [x, end_x] = [box.x, to.x + width];
      const middle = x - between / 2;
      // A line across another column runs behind its boxes.
      return `<path class="line" d="M${x} ${y}C${middle} ${y} ${end_x + between / 2} ${end} ${end_x} ${end}"/>`;
    }),
  );
  const shapes = all.map(({ name, keys, x, y }) => {
    const rows = keys.map(
      (key, at) =>
        `<text class="${key.primary ? "strong" : "soft"}" x="${x + 10}" y="${y + head + at * row + 14}">${key.name}${key.target === null ? "" : ` → ${key.target}`}</text>`,
    );
    return `<rect class="box" x="${x}" y="${y}" width="${width}" height="${heightOf({ name, keys })}" rx="6"/>
<rect class="head" x="${x}" y="${y}" width="${width}" height="${head}" rx="6"/>
<text class="name" x="${x + 10}" y="${y + 19}">${name}</text>
${rows.join("\n")}`;
  });
  const total = gap * 2 + columns.length * width + (columns.length - 1) * between + between / 2;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${total} ${height}" role="img" aria-labelledby="title text" font-family="system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif">
<title id="title">The tables of Cloud API</title>
<desc id="text">Every table of the schema public and auth.users, with primary keys (bold) and foreign keys (with an arrow to their table).</desc>
<style>
text { fill: #1c1f26; font-size: 12px }
.name { font-size: 14px; font-weight: 600 }
.strong { font-weight: 600 }
.soft { fill: #596070 }
.box { fill: #ffffff; stroke: #aeb6c4 }
.head { fill: #eef1fe; stroke: #aeb6c4 }
.line { stroke: #7a8296; stroke-width: 1.2; fill: none; marker-end: url(#end) }
#end path { fill: #7a8296 }
.ground { fill: #f5f6f8 }
@media (prefers-color-scheme: dark) {
  text { fill: #e4e6eb }
  .soft { fill: #a2a9b8 }
  .box { fill: #16181d; stroke: #555e6e }
  .head { fill: #222b52; stroke: #555e6e }
  .line { stroke: #8b93a5 }
  #end path { fill: #8b93a5 }
  .ground { fill: #1f2229 }
}
</style>
<defs><marker id="end" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto"><path d="M0 0L8 4L0 8z"/></marker></defs>
<rect class="ground" width="${total}" height="${height}" rx="8"/>
${lines.join("\n")}
${shapes.join("\n")}
</svg>
`;
}
