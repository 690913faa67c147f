-- Policies of generations ask for the caller's project with every statement. A lookup inside the expression made it a query
-- each time, also when the request names the project; in a function of its own it is one only for bare PostgREST requests.

create function private.session_project_id() returns uuid
language plpgsql stable security definer set search_path = '' as $$
begin
  return (select account.project_id from public.users account where account.id = private.actor_id());
end $$;
comment on function private.session_project_id() is
  'The project of an end user who comes past the API, or null. Definer: users has policies of its own.';
grant execute on function private.session_project_id() to authenticated, service_role;

create or replace function private.actor_project_id() returns uuid
language plpgsql stable set search_path = '' as $$
begin
  return coalesce(nullif(current_setting('app.project_id', true), '')::uuid, private.session_project_id());
end $$;
comment on function private.actor_project_id() is
  'The project that the caller acts in: named by the request of the API, else that of an end user. It lives, or there would be '
  'no caller.';
