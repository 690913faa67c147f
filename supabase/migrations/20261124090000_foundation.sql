-- Nothing is reachable until a later line grants it. Schema `private` holds the functions that the API calls and the
-- helpers that policies call; PostgREST does not expose it.

create schema if not exists private;
comment on schema private is 'Functions of the API and helpers of policies. Never exposed through PostgREST.';

revoke all on schema private from public;
grant usage on schema private to anon, authenticated, service_role;

alter default privileges revoke execute on functions from public;
alter default privileges in schema public revoke all on tables from anon, authenticated, service_role;
alter default privileges in schema public revoke all on sequences from anon, authenticated, service_role;
alter default privileges in schema public revoke all on functions from anon, authenticated, service_role;

create function private.touch_updated_at() returns trigger
language plpgsql set search_path = '' as $$
begin
  new.updated_at := now();
  return new;
end $$;
comment on function private.touch_updated_at() is 'Trigger: sets updated_at to the time of the transaction.';

create function private.as_service() returns void
language plpgsql set search_path = '' as $$
begin
  perform set_config('role', 'service_role', true);
end $$;
comment on function private.as_service() is
  'Continues the transaction as service_role, after the caller''s rows were found under row-level security.';
grant execute on function private.as_service() to anon, authenticated, service_role;

create function private.server_version() returns text
language plpgsql stable set search_path = '' as $$
begin
  return current_setting('server_version');
end $$;
comment on function private.server_version() is 'The health check: proves that statements run, and says on what.';
