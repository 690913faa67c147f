-- Runs after each boot of Auth and Storage: they put older bodies of these
-- functions in place and own their tables as the superuser.

create or replace function auth.uid() returns uuid language sql stable as $$
  select coalesce(
    nullif(current_setting('request.jwt.claim.sub', true), ''),
    (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')
  )::uuid
$$;

create or replace function auth.role() returns text language sql stable as $$
  select coalesce(
    nullif(current_setting('request.jwt.claim.role', true), ''),
    (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'role')
  )::text
$$;

create or replace function auth.email() returns text language sql stable as $$
  select coalesce(
    nullif(current_setting('request.jwt.claim.email', true), ''),
    (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'email')
  )::text
$$;

create or replace function auth.jwt() returns jsonb language sql stable as $$
  select coalesce(
    nullif(current_setting('request.jwt.claim', true), ''),
    nullif(current_setting('request.jwt.claims', true), '')
  )::jsonb
$$;

create or replace function storage.foldername(name text) returns text[] language plpgsql immutable as $$
declare
  parts text[] := string_to_array(name, '/');
begin
  return parts[1 : array_length(parts, 1) - 1];
end
$$;

create or replace function storage.filename(name text) returns text language plpgsql immutable as $$
declare
  parts text[] := string_to_array(name, '/');
begin
  return parts[array_length(parts, 1)];
end
$$;

create or replace function storage.extension(name text) returns text language plpgsql immutable as $$
begin
  return reverse(split_part(reverse(storage.filename(name)), '.', 1));
end
$$;

do $$
declare
  item record;
begin
  for item in
    select owned.kind, owned.name,
      case owned.namespace when 'auth'::regnamespace then 'supabase_auth_admin' else 'supabase_storage_admin' end as owner
    from (
      select 'table', oid::regclass::text, relnamespace, relowner
      from pg_catalog.pg_class where relkind in ('r', 'p')
      union all
      select 'routine', oid::regprocedure::text, pronamespace, proowner
      from pg_catalog.pg_proc
    ) as owned (kind, name, namespace, owner)
    where owned.namespace in ('auth'::regnamespace, 'storage'::regnamespace)
      and owned.owner = 'supabase_admin'::regrole
  loop
    execute format('alter %s %s owner to %I', item.kind, item.name, item.owner);
  end loop;
end
$$;

grant execute on all functions in schema auth, storage to public;
grant all on all tables in schema auth to postgres, dashboard_user;
grant all on all tables in schema storage to postgres, anon, authenticated, service_role;
