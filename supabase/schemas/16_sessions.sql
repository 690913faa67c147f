-- Users list and end their sessions, which are rows of auth.sessions. private.authorize looks the session up, so deleting it
-- ends its access token at once. Only this file writes sessions, in definer functions that the API's role may call.

create function private.limit_session_lifetime() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  v_banned_until timestamptz;
begin
  new.not_after := least(new.not_after, coalesce(new.created_at, now()) + interval '7 days');
  if tg_op = 'INSERT' then
    -- Auth compared the password some time ago. A change of the password and a ban lock this row until they are committed.
    select u.banned_until into v_banned_until from auth.users u where u.id = new.user_id for no key update;
    if v_banned_until > now() or exists (select from private.password_permits p
      where p.user_id = new.user_id and p.changed_at > now() - interval '15 seconds')
    then
      new.not_after := now();
    end if;
  end if;
  return new;
end $$;
comment on function private.limit_session_lifetime() is
  'Trigger: a session ends seven days after it began. If it begins within 15 seconds after a change of the password, it ends '
  'at once, since the old password may have opened it. private.open_session may extend it. Definer: Auth''s own role writes '
  'the row.';

create function private.open_session(user_id uuid, session_id uuid, device jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  account public.users;
  project public.projects;
  v_signed_in boolean := device ->> 'signed_in';
  refusal text;
begin
  select * into account from public.users u where u.id = open_session.user_id;
  select * into project from public.projects p where p.id = account.project_id;
  refusal := case
    when account.id is null then 'invalid_token'
    when v_signed_in and (exists (select from auth.users u where u.id = account.id and u.banned_until > now())
      or exists (select from private.password_permits p where p.user_id = account.id
        and p.changed_at is distinct from (device ->> 'password_changed_at')::timestamptz and p.changed_at is not null))
      then 'invalid_credentials'
    when account.deactivated_at is not null then 'account_deactivated'
    when account.role = 'end_user' and (project.deleted_at is not null or not project.is_active
      or exists (select from public.users o where o.id = project.owner_id and o.deactivated_at is not null))
      then 'project_inactive'
    when account.role = 'end_user' and project.email_verification = 'required' and account.email_verified_at is null
      then 'account_not_verified'
    when not exists (select from auth.sessions s where s.id = open_session.session_id
      and s.user_id = account.id and (v_signed_in or s.not_after > now())) then 'invalid_token'
  end;
  if refusal in ('project_inactive', 'account_not_verified') and not v_signed_in then
    -- Both states can end, and then the session continues.
    null;
  elsif refusal is not null then
    delete from auth.sessions s where s.id = open_session.session_id;
  else
    -- Auth has stored the API's own address and user agent.
    update auth.sessions s set user_agent = device ->> 'user_agent', ip = (device ->> 'ip')::inet,
      not_after = case when not v_signed_in then s.not_after end
    where s.id = open_session.session_id;
  end if;
  if account.id is not null and v_signed_in and refusal is distinct from 'invalid_credentials' then
    perform private.forget_sign_ins(account.project_id, account.email, device ->> 'ip');
  end if;
  return jsonb_build_object('refusal', refusal);
end $$;
comment on function private.open_session(uuid, uuid, jsonb) is
  'Opens a session that Auth has just issued or refreshed: records its device and uncounts the attempts of its sign-in. Or '
  'returns a refusal and ends it. A refreshed session continues if only its project is inactive or its address unverified. A '
  'sign-in is refused if the password has changed since private.begin_login. Definer: only the owner may write auth.sessions.';

create function private.end_user_sessions(user_id uuid, keep uuid) returns integer
language plpgsql security definer set search_path = '' as $$
declare
  ended integer;
begin
  delete from auth.sessions s where s.user_id = end_user_sessions.user_id and s.id is distinct from keep;
  get diagnostics ended = row_count;
  return ended;
end $$;
comment on function private.end_user_sessions(uuid, uuid) is
  'Ends every session of an account except one (null: all), with its refresh tokens. Definer: only the owner may write '
  'auth.sessions.';

create function private.end_user_session(user_id uuid, session_id uuid) returns boolean
language plpgsql security definer set search_path = '' as $$
begin
  delete from auth.sessions s where s.user_id = end_user_session.user_id and s.id = end_user_session.session_id;
  return found;
end $$;
comment on function private.end_user_session(uuid, uuid) is
  'Ends one session. Returns false if the account has no such session. Definer: only the owner may write auth.sessions.';

create function private.list_user_sessions(user_id uuid) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
begin
  return (
    select coalesce(jsonb_agg(jsonb_build_object(
      'id', s.id, 'device', s.user_agent, 'ip', host(s.ip), 'created_at', s.created_at,
      'last_seen_at', greatest(s.created_at, s.refreshed_at at time zone 'utc'), 'expires_at', s.not_after
    ) order by s.created_at desc, s.id desc), '[]')
    from auth.sessions s where s.user_id = list_user_sessions.user_id and s.not_after > now()
  );
end $$;
comment on function private.list_user_sessions(uuid) is
  'The active sessions of an account, newest first. Definer: only the owner reads auth.sessions.';

create function private.authorize_session(credentials jsonb) returns uuid
language plpgsql set search_path = '' as $$
begin
  perform private.authorize_and_set_role(credentials, 'account');
  if credentials ->> 'session_id' is null then
    raise exception 'not_authenticated';
  end if;
  perform set_config('role', 'service_role', true);
  return current_setting('app.user_id')::uuid;
end $$;
comment on function private.authorize_session(jsonb) is
  'For requests that need a signed-in person instead of a key. Returns the account and continues as service_role. Errors: '
  'not_authenticated, those of private.authorize.';

create function private.list_sessions(credentials jsonb) returns jsonb
language plpgsql set search_path = '' as $$
declare
  actor uuid := private.authorize_session(credentials);
begin
  return (
    select coalesce(jsonb_agg(session || jsonb_build_object('current', session ->> 'id' = credentials ->> 'session_id')), '[]')
    from jsonb_array_elements(private.list_user_sessions(actor)) as session
  );
end $$;
comment on function private.list_sessions(jsonb) is 'GET /auth/sessions. Errors: those of private.authorize_session.';

create function private.revoke_session(credentials jsonb, id uuid) returns void
language plpgsql set search_path = '' as $$
declare
  actor uuid := private.authorize_session(credentials);
begin
  if not private.end_user_session(actor, revoke_session.id) then
    raise exception 'session_not_found';
  end if;
end $$;
comment on function private.revoke_session(jsonb, uuid) is
  'DELETE /auth/sessions/{id}. Errors: session_not_found, those of private.authorize_session.';

create function private.log_out(credentials jsonb, scope text) returns void
language plpgsql set search_path = '' as $$
declare
  actor uuid := private.authorize_session(credentials);
  current_session uuid := (credentials ->> 'session_id')::uuid;
begin
  if scope = 'local' then
    perform private.end_user_session(actor, current_session);
  else
    perform private.end_user_sessions(actor, case scope when 'others' then current_session end);
  end if;
end $$;
comment on function private.log_out(jsonb, text) is
  'POST /auth/logout; scope is local, others or global. Errors: those of private.authorize_session.';

create function private.end_reused_session(refresh_token text) returns boolean
language plpgsql security definer set search_path = '' as $$
begin
  delete from auth.sessions s
  where s.id = (select t.session_id from auth.refresh_tokens t where t.token = end_reused_session.refresh_token limit 1);
  return found;
end $$;
comment on function private.end_reused_session(text) is
  'Ends the session and access token of an old refresh token, because somebody may have a copy. Definer: only the owner reads '
  'auth.refresh_tokens.';

create function private.on_account_closed() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform private.end_user_sessions(new.id, null);
  return null;
end $$;
comment on function private.on_account_closed() is
  'Trigger: ends all sessions of an account that is deactivated, or whose user is banned or deleted at Auth, as in Studio. Auth '
  'itself would keep the access token valid. Definer: neither callers nor Auth''s role may execute private.end_user_sessions.';

create trigger users_banned after update of banned_until, deleted_at on auth.users
  for each row when ((new.banned_until is distinct from old.banned_until and new.banned_until > now())
    or (old.deleted_at is null and new.deleted_at is not null))
  execute function private.on_account_closed();
create trigger sessions_limit_lifetime before insert or update on auth.sessions
  for each row execute function private.limit_session_lifetime();
create trigger users_deactivated after update of deactivated_at on public.users
  for each row when (old.deactivated_at is null and new.deactivated_at is not null)
  execute function private.on_account_closed();

grant execute on function
  private.end_user_sessions(uuid, uuid),
  private.end_user_session(uuid, uuid),
  private.list_user_sessions(uuid)
to service_role;
