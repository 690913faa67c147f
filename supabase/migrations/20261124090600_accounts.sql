-- Registration, sign-in and the caller's own account. Supabase Auth keeps the password and issues the tokens; these
-- functions decide who may have an account and whether a session of it may be used.

create function private.user_json(account public.users) returns jsonb
language plpgsql stable set search_path = '' as $$
begin
  return jsonb_build_object(
    'id', account.id, 'email', account.email, 'full_name', account.full_name, 'role', account.role,
    'is_active', account.deactivated_at is null, 'is_verified', account.email_verified_at is not null,
    'created_at', account.created_at, 'project_id', account.project_id);
end $$;
comment on function private.user_json(public.users) is 'An account as the API shows it to its owner.';
grant execute on function private.user_json(public.users) to authenticated, service_role;

create function private.auth_email(account public.users) returns text
language plpgsql immutable set search_path = '' as $$
begin
  return case when account.role = 'end_user'
    then account.id || '@' || account.project_id || '.users.invalid' else lower(account.email) end;
end $$;
comment on function private.auth_email(public.users) is
  'The address by which Supabase Auth knows the account: opaque for end users, so that no Auth endpoint finds a person by address.';
grant execute on function private.auth_email(public.users) to service_role;

create function private.begin_registration(credentials jsonb, email text) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_project uuid := (credentials ->> 'project_id')::uuid;
  v_role text;
begin
  perform private.enter(credentials, 'public');
  perform private.as_service();
  if credentials ->> 'operator_key_hash' is not null then
    v_role := 'developer';
    v_project := null;
  elsif credentials ->> 'developer_key_hash' is null then
    raise exception 'registration_key_required' using errcode = 'PT403';
  elsif v_project is null then
    raise exception 'project_id_required' using errcode = 'PT403';
  else
    v_role := 'end_user';
    if not (select p.is_active from public.projects p where p.id = v_project) then
      raise exception 'project_inactive' using errcode = 'PT403';
    end if;
  end if;
  if exists (select from public.users u
    where u.project_id is not distinct from v_project and lower(u.email) = lower(begin_registration.email))
  then
    raise exception 'account_exists' using errcode = 'PT409';
  end if;
  return jsonb_build_object('role', v_role, 'project_id', v_project);
end $$;
comment on function private.begin_registration(jsonb, text) is
  'What a registration with these keys would create. Errors: registration_key_required, project_id_required, '
  'project_inactive (403), account_exists (409), those of private.authorize.';

create function private.create_account(credentials jsonb, account jsonb) returns jsonb
language plpgsql set search_path = '' as $$
declare
  kind jsonb := private.begin_registration(credentials, account ->> 'email');
  created public.users;
  project public.projects;
begin
  insert into public.users (id, role, project_id, plan_id, email, full_name)
  values ((account ->> 'id')::uuid, kind ->> 'role', (kind ->> 'project_id')::uuid,
    case when kind ->> 'role' = 'developer' then (select p.id from public.plans p where p.is_default) end,
    account ->> 'email', account ->> 'full_name')
  returning * into created;
  if created.role = 'developer' then
    insert into public.projects (owner_id, name) values (created.id, 'My first project') returning * into project;
    insert into public.developer_keys (user_id, name, key_prefix, key_hash)
    values (created.id, 'Provisioned at registration', account -> 'developer_key' ->> 'key_prefix',
      decode(account -> 'developer_key' ->> 'key_hash', 'hex'));
    insert into public.api_keys (project_id, name, key_prefix, key_hash)
    values (project.id, 'Provisioned at registration', account -> 'api_key' ->> 'key_prefix',
      decode(account -> 'api_key' ->> 'key_hash', 'hex'));
  end if;
  return private.user_json(created) || jsonb_build_object('provisioned_project_id', project.id,
    'needs_verification', created.role = 'end_user' and exists (select from public.projects p
      where p.id = created.project_id and p.email_verification = 'required'));
exception when unique_violation then
  raise exception 'account_exists' using errcode = 'PT409';
end $$;
comment on function private.create_account(jsonb, jsonb) is
  'The account of an auth.users row; a developer also gets a project, a developer key and an API key. Errors: those of '
  'private.begin_registration.';

create function private.begin_login(credentials jsonb, email text) returns jsonb
language plpgsql set search_path = '' as $$
declare
  account public.users;
begin
  perform private.enter(credentials, 'public');
  perform private.as_service();
  select * into account from public.users u
  where u.project_id is not distinct from (credentials ->> 'project_id')::uuid
    and lower(u.email) = lower(begin_login.email);
  return jsonb_build_object('auth_email', private.auth_email(account));
end $$;
comment on function private.begin_login(jsonb, text) is
  'auth_email: the address to sign in with at Supabase Auth, or null when there is no such account. Errors: those of private.authorize.';

create function private.open_session(user_id uuid, session_id uuid, device jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  account public.users;
  project public.projects;
  refusal text;
begin
  select * into account from public.users u where u.id = open_session.user_id;
  select * into project from public.projects p where p.id = account.project_id;
  refusal := case
    when account.id is null then 'invalid_token'
    when account.deactivated_at is not null then 'account_deactivated'
    when account.role = 'end_user' and (project.deleted_at is not null or not project.is_active
      or exists (select from public.users o where o.id = project.owner_id and o.deactivated_at is not null))
      then 'project_inactive'
    when account.role = 'end_user' and project.email_verification = 'required' and account.email_verified_at is null
      then 'account_not_verified'
    when not exists (select from auth.sessions s where s.id = open_session.session_id
      and s.user_id = account.id and s.not_after > now()) then 'invalid_token'
  end;
  if refusal is not null then
    delete from auth.sessions s where s.id = open_session.session_id;
  else
    -- Auth saw only the API's own address and user agent.
    update auth.sessions s set user_agent = device ->> 'user_agent', ip = (device ->> 'ip')::inet
    where s.id = open_session.session_id;
  end if;
  if account.id is not null and (device ->> 'signed_in')::boolean then
    perform private.forgive_sign_in(account.project_id, account.email, device ->> 'ip');
  end if;
  return jsonb_build_object('refusal', refusal);
end $$;
comment on function private.open_session(uuid, uuid, jsonb) is
  'Lets a session that Auth just issued or refreshed be used, records its device and takes back what its sign-in had counted; otherwise ends it and names the '
  'refusal. Definer: only the owner may write auth.sessions.';

create function private.get_me(credentials jsonb) returns jsonb
language plpgsql set search_path = '' as $$
begin
  perform private.enter(credentials, 'account');
  return (select private.user_json(u) from public.users u where u.id = private.actor_id());
end $$;
comment on function private.get_me(jsonb) is 'GET /auth/me. Errors: those of private.authorize.';
