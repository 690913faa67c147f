-- Registration and the caller's own account. Supabase Auth stores the password and issues the tokens. These functions decide
-- who may have an account. When Auth deletes a user, all rows of the account are deleted.

create function private.begin_registration(credentials jsonb, account jsonb) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_project uuid := (credentials ->> 'project_id')::uuid;
  v_role text;
  planned public.users;
begin
  perform private.authorize_and_set_role(credentials, 'public');
  perform set_config('role', 'service_role', true);
  if credentials ->> 'operator_key_hash' is not null then
    v_role := 'developer';
    v_project := null;
  elsif credentials ->> 'developer_key_hash' is null then
    raise exception 'registration_key_required';
  elsif v_project is null then
    raise exception 'project_id_required';
  else
    v_role := 'end_user';
    if not (select p.is_active from public.projects p where p.id = v_project) then
      raise exception 'project_inactive';
    end if;
  end if;
  if exists (select from public.users u
    where u.project_id is not distinct from v_project and u.email_fold = private.fold_email(account ->> 'email'))
  then
    raise exception 'account_exists';
  end if;
  planned.id := account ->> 'id';
  planned.role := v_role;
  planned.project_id := v_project;
  planned.email_fold := private.fold_email(account ->> 'email');
  return jsonb_build_object('role', v_role, 'project_id', v_project, 'auth_email', private.auth_email(planned));
end $$;
comment on function private.begin_registration(jsonb, jsonb) is
  'Returns what a registration of account {id, email} with these keys would create. Errors: registration_key_required, '
  'project_id_required, project_inactive, account_exists, those of private.authorize.';

create function private.create_account(credentials jsonb, account jsonb) returns jsonb
language plpgsql set search_path = '' as $$
declare
  kind jsonb := private.begin_registration(credentials, account);
  created public.users;
  project public.projects;
begin
  if kind ->> 'project_id' is not null and not private.hold_project((kind ->> 'project_id')::uuid) then
    raise exception 'project_inactive';
  end if;
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
  raise exception 'account_exists';
end $$;
comment on function private.create_account(jsonb, jsonb) is
  'Creates the account of an auth.users row. A developer also gets a project, a developer key and an API key. Errors: those of '
  'private.begin_registration.';

create function private.get_me(credentials jsonb) returns jsonb
language plpgsql set search_path = '' as $$
declare
  caller_role text := private.authorize_and_set_role(credentials, 'account');
begin
  return (select private.user_json(u) from public.users u where u.id = private.actor_id());
end $$;
comment on function private.get_me(jsonb) is 'GET /auth/me. Errors: those of private.authorize.';

create function private.update_me(credentials jsonb, changes jsonb) returns jsonb
language plpgsql set search_path = '' as $$
declare
  actor uuid;
  account public.users;
begin
  perform private.authorize_and_set_role(credentials, 'account');
  actor := current_setting('app.user_id')::uuid;
  perform set_config('role', 'service_role', true);
  update public.users u
  set full_name = case when changes ? 'full_name' then changes ->> 'full_name' else u.full_name end
  where u.id = actor returning * into account;
  return private.user_json(account);
end $$;
comment on function private.update_me(jsonb, jsonb) is 'PATCH /auth/me; changes: {full_name?}. Errors: those of private.authorize.';

create function private.require_end_user(credentials jsonb, project_id uuid, user_id uuid) returns uuid
language plpgsql set search_path = '' as $$
declare
  found_id uuid;
begin
  perform private.authorize_and_set_role(credentials, 'projects');
  perform private.require_project(project_id);
  select u.id into found_id from public.users u
  where u.id = require_end_user.user_id and u.project_id = require_end_user.project_id;
  if found_id is null then
    raise exception 'user_not_found';
  end if;
  return found_id;
end $$;
comment on function private.require_end_user(jsonb, uuid, uuid) is
  'The end user whom the caller may delete. Errors: project_not_found, user_not_found, those of private.authorize.';

create function private.list_orphans(batch_size integer) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  -- Auth's ids are random, so each run starts at a random id and checks another part of the users.
  begin_at uuid := gen_random_uuid();
begin
  return (
    select coalesce(jsonb_agg(orphan.id), '[]') from (
      select part.id from (
        select * from (
          (select u.id, u.email, u.created_at from auth.users u where u.id >= begin_at order by u.id limit 10000)
          union all
          (select u.id, u.email, u.created_at from auth.users u where u.id < begin_at order by u.id limit 10000)
        ) as ring
        limit 10000
      ) as part
      where not exists (select from public.users account where account.id = part.id)
        and part.email is distinct from private.decoy_email()
        and part.created_at < now() - interval '5 minutes'
      limit batch_size
    ) as orphan
  );
end $$;
comment on function private.list_orphans(integer) is
  'Users of Auth without an account, at least five minutes old, so that no running registration is disturbed. Checks 10,000 '
  'users after a random id. Definer: only the owner reads auth.users.';

grant execute on function private.list_orphans(integer) to service_role;
