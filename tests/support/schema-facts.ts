import type postgres from "postgres";

/**
 * The contents of the schemas `public`, `private` and `reports` as sorted lines of text: schemas, columns, constraints, indexes,
 * policies, triggers, privileges, functions with their bodies, and every comment. They do not depend on the server's version.
 */
export async function schemaFacts(sql: postgres.Sql): Promise<string[]> {
  // The qualifiers of names in views depend on the server's version, so they are removed.
  const rows = await sql<{ line: string }[]>`
    with namespace as (
      select * from pg_namespace where nspname in ('public', 'private', 'reports')
    ), relation as (
      select c.*, n.nspname || '.' || c.relname as name from pg_class c join namespace n on n.oid = c.relnamespace
    ), function as (
      select p.*, format('%s.%s(%s)', n.nspname, p.proname, pg_get_function_arguments(p.oid)) as name
      from pg_proc p join namespace n on n.oid = p.pronamespace
    ), line as (
      select concat_ws(' ', 'schema', n.nspname, case when n.nspname <> 'public' then obj_description(n.oid, 'pg_namespace') end,
        (select string_agg(concat_ws(' ', a.grantee::regrole, a.privilege_type), ' ' order by a.grantee::regrole::text, a.privilege_type)
          from aclexplode(n.nspacl) a where a.grantee <> n.nspowner and n.nspname <> 'public')) as line
      from namespace n
      union all
      select concat_ws(' ', 'column', r.name || '.' || a.attname, format_type(a.atttypid, a.atttypmod),
        case when a.attnotnull then 'not null' end, 'default ' || pg_get_expr(d.adbin, d.adrelid),
        case a.attidentity when 'a' then 'identity always' when 'd' then 'identity' end, col_description(r.oid, a.attnum))
      from relation r join pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
        left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
      where r.relkind in ('r', 'p', 'v', 'm')
      union all
      select concat_ws(' ', case r.relkind when 'v' then 'view' when 'm' then 'view' else 'table' end, r.name,
        case when r.relrowsecurity then 'secured' end, case r.relpersistence when 'u' then 'unlogged' end,
        array_to_string(r.reloptions, ' '), obj_description(r.oid, 'pg_class'),
        case when r.relkind in ('v', 'm') then regexp_replace(pg_get_viewdef(r.oid), '\\m\\w+\\.|\\s+', '', 'g') end)
      from relation r where r.relkind in ('r', 'p', 'v', 'm')
      union all
      select concat_ws(' ', 'constraint', r.name, k.conname, pg_get_constraintdef(k.oid))
      from relation r join pg_constraint k on k.conrelid = r.oid and k.contype in ('c', 'f', 'p', 'u', 'x')
      union all
      select concat_ws(' ', 'index', r.name, regexp_replace(pg_get_indexdef(i.indexrelid), '^CREATE ', ''))
      from relation r join pg_index i on i.indrelid = r.oid
      union all
      select concat_ws(' ', 'policy', r.name, y.polname, y.polcmd, y.polroles::regrole[]::text,
        'using ' || pg_get_expr(y.polqual, r.oid), 'check ' || pg_get_expr(y.polwithcheck, r.oid))
      from relation r join pg_policy y on y.polrelid = r.oid
      union all
      select concat_ws(' ', 'trigger', g.tgrelid::regclass, regexp_replace(pg_get_triggerdef(g.oid), '^CREATE ', ''))
      from pg_trigger g join function f on f.oid = g.tgfoid where not g.tgisinternal
      union all
      select concat_ws(' ', 'grant', r.name, case a.grantee when 0 then 'public' else a.grantee::regrole::text end,
        string_agg(lower(a.privilege_type), ' ' order by a.privilege_type))
      from relation r, aclexplode(r.relacl) a where a.grantee <> r.relowner
      group by r.name, a.grantee
      union all
      select concat_ws(' ', 'grant', r.name || '.' || t.attname, a.grantee::regrole,
        string_agg(lower(a.privilege_type), ' ' order by a.privilege_type))
      from relation r join pg_attribute t on t.attrelid = r.oid, aclexplode(t.attacl) a where a.grantee <> r.relowner
      group by r.name, t.attname, a.grantee
      union all
      select concat_ws(' ', 'function', f.name, pg_get_function_result(f.oid),
        case f.provolatile when 'i' then 'immutable' when 's' then 'stable' else 'volatile' end,
        case when f.prosecdef then 'definer' end, array_to_string(f.proconfig, ' '),
        (select 'for ' || string_agg(case a.grantee when 0 then 'public' else a.grantee::regrole::text end, ' '
          order by a.grantee::regrole::text)
          from aclexplode(coalesce(f.proacl, acldefault('f', f.proowner))) a where a.grantee <> f.proowner),
        obj_description(f.oid, 'pg_proc'), f.prosrc)
      from function f
    )
    select line from line order by line collate "C"`;
  return rows.map(({ line }) => line.replaceAll(/\s+/g, " "));
}

/** The rows that the migrations insert. */
export async function seededRows(sql: postgres.Sql): Promise<string[]> {
  const rows = await sql<{ line: string }[]>`
    select 'plan ' || (to_jsonb(p) - 'created_at' - 'updated_at')::text as line from public.plans p
    union all
    select 'model ' || (to_jsonb(m) - 'created_at' - 'updated_at')::text from public.models m
    union all
    select 'bucket ' || to_jsonb(b)::text from storage.buckets b
    order by line`;
  return rows.map(({ line }) => line);
}
