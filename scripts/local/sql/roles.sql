-- What a new Supabase database has before the first migration: its roles,
-- their memberships and settings. `postgres` is no superuser, as on hosted
-- Supabase, so a migration that needs one fails here too.

do $$
declare
  wanted record;
begin
  for wanted in
    select * from (values
      ('postgres', 'nosuperuser inherit createrole createdb login replication bypassrls password ''{password}'''),
      ('anon', 'noinherit nologin'),
      ('authenticated', 'noinherit nologin'),
      ('service_role', 'noinherit nologin bypassrls'),
      ('authenticator', 'noinherit login password ''{password}'''),
      ('dashboard_user', 'nologin createrole createdb replication'),
      ('supabase_auth_admin', 'noinherit createrole login password ''{password}'''),
      ('supabase_storage_admin', 'noinherit createrole login password ''{password}''')
    ) as roles (name, attributes)
  loop
    if not exists (select from pg_catalog.pg_roles where rolname = wanted.name) then
      execute format('create role %I with %s', wanted.name, wanted.attributes);
    end if;
  end loop;
end
$$;

grant anon, authenticated, service_role to authenticator;
grant anon, authenticated, service_role to postgres with admin option;
grant anon, authenticated, service_role to supabase_storage_admin;
grant supabase_auth_admin, supabase_storage_admin, pg_monitor, pg_signal_backend to postgres;
-- As hosted Supabase lets it: a restore puts rows back without their triggers.
grant set on parameter session_replication_role to postgres;

alter role anon set statement_timeout = '3s';
alter role authenticated set statement_timeout = '8s';
alter role authenticator set statement_timeout = '8s';
alter role postgres set search_path = "$user", public, extensions;
alter role supabase_admin set search_path = "$user", public, auth, extensions;

alter database postgres owner to postgres;

create schema if not exists extensions authorization postgres;
create schema if not exists auth authorization supabase_admin;
create schema if not exists storage authorization supabase_admin;

grant usage on schema public, extensions, auth, storage to anon, authenticated, service_role;
grant all on schema public, auth, storage to postgres;
grant all on schema auth to supabase_auth_admin, dashboard_user;
grant all on schema storage to supabase_storage_admin, dashboard_user;

-- Tables of Auth and Storage are reachable as on stock Supabase. There are no
-- default privileges in `public`: api.auto_expose_new_tables is false.
alter default privileges for role supabase_admin in schema auth
  grant all on tables to postgres, dashboard_user, supabase_auth_admin;
alter default privileges for role supabase_admin in schema storage
  grant all on tables to postgres, anon, authenticated, service_role, supabase_storage_admin;

do $$
declare
  extension text;
begin
  foreach extension in array array['pgcrypto', 'uuid-ossp', 'pg_stat_statements'] loop
    if exists (select from pg_catalog.pg_available_extensions where name = extension) then
      execute format('create extension if not exists %I with schema extensions', extension);
    end if;
  end loop;
end
$$;

-- The REST API learns of a changed schema by these, as on stock Supabase.
create or replace function extensions.pgrst_ddl_watch() returns event_trigger language plpgsql as $$
begin
  notify pgrst, 'reload schema';
end
$$;

do $$
begin
  if not exists (select from pg_catalog.pg_event_trigger where evtname = 'pgrst_ddl_watch') then
    create event trigger pgrst_ddl_watch on ddl_command_end execute function extensions.pgrst_ddl_watch();
    create event trigger pgrst_drop_watch on sql_drop execute function extensions.pgrst_ddl_watch();
  end if;
end
$$;
