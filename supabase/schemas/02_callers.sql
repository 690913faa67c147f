-- The caller, for policies: the account and project that private.authorize stored for this transaction, or those of a bare
-- PostgREST request.

create function private.session_actor_id() returns uuid
language plpgsql stable security definer set search_path = '' as $$
declare
  claims jsonb := nullif(current_setting('request.jwt.claims', true), '')::jsonb;
begin
  return (
    select account.id
    from public.users account
    join auth.sessions session on session.user_id = account.id
    left join public.projects project on project.id = account.project_id
    left join public.users owner on owner.id = project.owner_id
    where account.id = (claims ->> 'sub')::uuid
      and session.id = (claims ->> 'session_id')::uuid
      and session.not_after > now()
      and account.deactivated_at is null
      and (account.project_id is null
        or (project.is_active and project.deleted_at is null and owner.deactivated_at is null
          and (project.email_verification = 'optional' or account.email_verified_at is not null)))
  );
end $$;
comment on function private.session_actor_id() is
  'The account of a bare PostgREST request; null when its session, account or project has ended. Definer: the caller cannot '
  'read those tables.';

create function private.actor_id() returns uuid
language plpgsql stable set search_path = '' as $$
begin
  return coalesce(nullif(current_setting('app.user_id', true), '')::uuid, private.session_actor_id());
end $$;
comment on function private.actor_id() is
  'The caller''s account, or null: from the setting of private.authorize, else from the claims of the request.';

-- Policies need the caller's project in every statement. A lookup in the expression would cost a query each time. In its own
-- function it costs one only for bare PostgREST requests.
create function private.session_project_id() returns uuid
language plpgsql stable security definer set search_path = '' as $$
begin
  return (select account.project_id from public.users account where account.id = private.actor_id());
end $$;
comment on function private.session_project_id() is
  'The project of an end user who bypasses the API, or null. Definer: users has policies of its own.';

create function private.actor_project_id() returns uuid
language plpgsql stable set search_path = '' as $$
begin
  return coalesce(nullif(current_setting('app.project_id', true), '')::uuid, private.session_project_id());
end $$;
comment on function private.actor_project_id() is
  'The project that the caller acts in: that of the API request, else that of the end user. A deleted project has no caller.';

create function private.managed_project_ids() returns uuid[]
language plpgsql stable security definer set search_path = '' as $$
begin
  return array(
    select project.id from public.projects project
    where project.owner_id = private.actor_id() and project.deleted_at is null
  );
end $$;
comment on function private.managed_project_ids() is 'Projects that the caller owns. Definer: projects has policies of its own.';

grant execute on function
  private.session_actor_id(),
  private.actor_id(),
  private.session_project_id(),
  private.actor_project_id(),
  private.managed_project_ids()
to authenticated, service_role;
