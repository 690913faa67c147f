import type postgres from "postgres";
import { expectedDefiners, expectedExecute, expectedTables } from "../db/expected-access.ts";
import { exposedSchemas, guardedSchemas } from "./rls-matrix.ts";

type Sql = postgres.Sql | postgres.TransactionSql;

const ours = [...guardedSchemas, "reports"];

const functions = (sql: Sql) => sql`
  pg_proc p join pg_namespace n on n.oid = p.pronamespace and n.nspname = any (${ours})
    and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')`;
const relations = (sql: Sql, kinds: string[]) => sql`
  pg_class c join pg_namespace n on n.oid = c.relnamespace and n.nspname = any (${ours}) and c.relkind = any (${kinds})`;
/** Every privilege on a relation or a column, with its grantee, except those of the owner. */
const rights = (sql: Sql) => sql`(
  select c.oid, null::name as attname, a.grantee, a.privilege_type
  from pg_class c, aclexplode(c.relacl) a where a.grantee <> c.relowner
  union all
  select c.oid, t.attname, a.grantee, a.privilege_type
  from pg_class c join pg_attribute t on t.attrelid = c.oid and not t.attisdropped, aclexplode(t.attacl) a
  where a.grantee <> c.relowner)`;
const who = (sql: Sql) => sql`case r.grantee when 0 then 'public' else r.grantee::regrole::text end`;

/** Rules of the catalog. Each check returns the violations. */
export const catalogChecks: Record<string, (sql: Sql) => Promise<string[]>> = {
  "the checks of the catalog cover every schema of ours": (sql) =>
    lines(sql`
      select n.nspname as line from pg_namespace n
      where n.nspowner = 'postgres'::regrole and n.nspname <> all (${[...ours, "extensions", "supabase_migrations"]})
        and n.nspname !~ '^pg_'`),

  "only service_role may use a schema that is not exposed, except private for its helpers": (sql) =>
    lines(sql`
      select concat_ws(' ', n.nspname, ${who(sql)}) as line from pg_namespace n, aclexplode(n.nspacl) r
      where n.nspname = any (${ours}) and n.nspname <> all (${exposedSchemas}) and r.grantee <> n.nspowner
        and r.grantee <> 'service_role'::regrole
        and not (n.nspname = 'private' and r.grantee = any ('{anon,authenticated}'::regrole[]) and r.privilege_type = 'USAGE')`),

  "expected-access.ts lists exactly the tables and views of the database": async (sql) => {
    const found = await lines(sql`
      select format('%I.%I', n.nspname, c.relname) as line from ${relations(sql, ["r", "p", "f", "v", "m"])}
      where n.nspname = any (${guardedSchemas})`);
    return difference(found, Object.keys(expectedTables));
  },

  "every table has row-level security": (sql) =>
    lines(
      sql`select c.oid::regclass::text as line from ${relations(sql, ["r", "p"])} where not c.relrowsecurity`,
    ),

  "each table has exactly the policies of expected-access.ts": async (sql) => {
    const found = await lines(sql`
      select format('%I.%I %s', schemaname, tablename, policyname) as line from pg_policies
      where schemaname = any (${ours})`);
    const expected = Object.entries(expectedTables).flatMap(([table, { policies = [] }]) =>
      policies.map((policy) => `${table} ${policy}`),
    );
    return difference(found, expected);
  },

  "each policy has one command, names its roles, and has the name <table>_<command>_<who>": (sql) =>
    lines(sql`
      select policyname as line from pg_policies where schemaname = any (${ours})
        and (cmd = 'ALL' or 'public' = any (roles) or policyname not like tablename || '\\_' || lower(cmd) || '\\_%')`),

  "anon, authenticated and api_reader may select only the columns of expected-access.ts, and write nothing":
    async (sql) => {
      const found = await lines(sql`
      select concat_ws(' ', r.privilege_type, 'on', c.oid::regclass, 'to', ${who(sql)},
        '(' || coalesce(string_agg(r.attname, ' ' order by r.attname), '*') || ')') as line
      from ${rights(sql)} r, ${relations(sql, ["r", "p", "f", "v", "m", "S"])}
      where r.oid = c.oid and r.grantee <> 'service_role'::regrole
      group by c.oid, r.grantee, r.privilege_type, r.attname is null`);
      const expected = Object.entries(expectedTables).flatMap(([table, { columns, reader_columns }]) =>
        Object.entries({ authenticated: columns, api_reader: reader_columns }).flatMap(([role, granted]) =>
          granted === undefined
            ? []
            : [
                `SELECT on ${table.replace("public.", "")} to ${role} (${granted.split(" ").sort().join(" ")})`,
              ],
        ),
      );
      return difference(
        found.map((line) => line.replace(" on public.", " on ")),
        expected,
      );
    },

  "only service_role may read a hash or secret": (sql) =>
    lines(sql`
      select concat_ws(' ', c.oid::regclass, t.attname, ${who(sql)}) as line
      from ${rights(sql)} r, ${relations(sql, ["r", "p", "v", "m"])}, pg_attribute t
      where r.oid = c.oid and t.attrelid = c.oid and t.attname ~ '(hash|secret|password|token)'
        and (r.attname is null or r.attname = t.attname) and r.grantee <> 'service_role'::regrole`),

  "every function has an empty search_path": (sql) =>
    lines(sql`
      select p.oid::regprocedure::text as line from ${functions(sql)}
      where not coalesce(p.proconfig @> array['search_path=""'], false)`),

  "anon and authenticated may execute only the functions of expected-access.ts": async (sql) => {
    const found = await lines(sql`
      select distinct concat_ws(' ', ${who(sql)}, format('%I.%I', n.nspname, p.proname)) as line
      from ${functions(sql)}, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) r
      where r.grantee not in (p.proowner, 'service_role'::regrole)`);
    const expected = Object.entries(expectedExecute).flatMap(([role, names]) =>
      names.map((name) => `${role} ${name}`),
    );
    return difference(found, expected);
  },

  "every table and function that the body of a function names exists": (sql) =>
    lines(sql`
      select distinct concat_ws(' ', p.oid::regprocedure, 'names', name[1]) as line
      from ${functions(sql)}, regexp_matches(
        regexp_replace(p.prosrc, '--[^\n]*', '', 'g'), '\\m((?:public|private|auth|storage)\\.[a-z0-9_]+)(\\(?)', 'g') as name
      where case name[2] when '(' then to_regproc(name[1]) is null and not exists (
          select from pg_proc q join pg_namespace m on m.oid = q.pronamespace and name[1] = m.nspname || '.' || q.proname)
        else to_regclass(name[1]) is null and to_regtype(name[1]) is null end`),

  "service_role may execute every function that authenticated may execute": (sql) =>
    lines(sql`
      select p.oid::regprocedure::text as line from ${functions(sql)}
      where has_function_privilege('authenticated', p.oid, 'execute')
        and not has_function_privilege('service_role', p.oid, 'execute')`),

  "only the functions of expected-access.ts are security definer": async (sql) => {
    const found = await lines(sql`
      select distinct format('%I.%I', n.nspname, p.proname) as line from ${functions(sql)} where p.prosecdef`);
    return difference(found, Object.keys(expectedDefiners));
  },

  "every view obeys the policies of its caller, or of api_reader if that owns it": (sql) =>
    lines(sql`
      select c.oid::regclass::text as line from ${relations(sql, ["v"])}
      where c.relowner <> 'api_reader'::regrole
        and not coalesce(c.reloptions && array['security_invoker=true', 'security_invoker=on'], false)`),

  "api_reader obeys policies, cannot log in, is a member of no role and owns only views": (sql) =>
    lines(sql`
      select concat_ws(' ', 'attributes of', rolname) as line from pg_roles
      where rolname = 'api_reader' and (rolsuper or rolbypassrls or rolcanlogin or rolcreaterole or rolcreatedb or rolreplication)
      union all
      select concat_ws(' ', 'member of', roleid::regrole) from pg_auth_members where member = 'api_reader'::regrole
      union all
      select concat_ws(' ', 'owns', classid::regclass, objid) from pg_shdepend
      where refclassid = 'pg_authid'::regclass and refobjid = 'api_reader'::regrole and deptype = 'o'
        and dbid = (select oid from pg_database where datname = current_database())
        and not (classid = 'pg_class'::regclass and objid in (select oid from pg_class where relkind = 'v'))`),

  "every foreign key is indexed": (sql) =>
    lines(sql`
      select k.conname as line from pg_constraint k join ${relations(sql, ["r", "p"])} on c.oid = k.conrelid
      where k.contype = 'f' and not exists (
        select from pg_index i where i.indrelid = k.conrelid and i.indisvalid and i.indpred is null
          and (string_to_array(i.indkey::text, ' ')::int2[])[1:cardinality(k.conkey)] @> k.conkey)`),

  "every id that a policy compares is the first column of an index": (sql) =>
    lines(sql`
      select distinct concat_ws('.', a.attrelid::regclass, a.attname) as line
      from pg_policy y join pg_depend d on d.classid = 'pg_policy'::regclass and d.objid = y.oid and d.refobjsubid > 0
        join pg_attribute a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
        join ${relations(sql, ["r", "p"])} on c.oid = a.attrelid
      where a.atttypid = 'uuid'::regtype and not exists (
        select from pg_index i where i.indrelid = a.attrelid and i.indkey[0] = a.attnum and i.indpred is null)`),

  "every table, column, view and function has a comment": (sql) =>
    lines(sql`
      select c.oid::regclass::text as line from ${relations(sql, ["r", "p", "v", "m"])}
      where obj_description(c.oid, 'pg_class') is null
      union all
      select concat_ws('.', c.oid::regclass, a.attname) from ${relations(sql, ["r", "p"])}
        join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      where col_description(c.oid, a.attnum) is null
      union all
      select p.oid::regprocedure::text from ${functions(sql)} where obj_description(p.oid, 'pg_proc') is null`),
};

async function lines(query: postgres.PendingQuery<postgres.Row[]>): Promise<string[]> {
  return (await query).map((row) => String(row.line)).sort();
}

function difference(found: string[], expected: string[]): string[] {
  return [
    ...found.filter((item) => !expected.includes(item)).map((item) => `not expected: ${item}`),
    ...expected.filter((item) => !found.includes(item)).map((item) => `missing: ${item}`),
  ];
}
