-- Nobody has access until a later line grants it. Schema `private` holds the functions that the API calls and the helpers
-- that policies call; PostgREST does not expose it. Functions find rows in the caller's role, under row-level security. To
-- write, each function sets the role service_role itself: everybody could call a helper that did so.

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

create function private.search_pattern(search text) returns text
language plpgsql immutable set search_path = '' as $$
begin
  -- Pattern characters in a search are taken literally.
  return '%' || replace(replace(replace(search, '\', '\\'), '%', '\%'), '_', '\_') || '%';
end $$;
comment on function private.search_pattern(text) is 'The ilike pattern that finds a text anywhere; null finds nothing.';

grant execute on function private.search_pattern(text) to authenticated, service_role;
