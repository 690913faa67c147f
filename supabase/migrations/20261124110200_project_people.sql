-- What a developer sees of the people and keys of a project: lists, totals, activation. One set of conditions serves a list
-- and its total, so that a search finds as many as it says.

create index users_project_created on public.users (project_id, created_at desc, id desc);

create function private.search_pattern(search text) returns text
language plpgsql immutable set search_path = '' as $$
begin
  -- A pattern character in the search is a character, not a pattern.
  return '%' || replace(replace(replace(search, '\', '\\'), '%', '\%'), '_', '\_') || '%';
end $$;
comment on function private.search_pattern(text) is 'The pattern for ilike that finds a text anywhere; null finds nothing.';
grant execute on function private.search_pattern(text) to authenticated, service_role;

create function private.list_project_users(
  credentials jsonb, project_id uuid, search text, active boolean, page integer, page_size integer)
returns jsonb
language plpgsql set search_path = '' as $$
declare
  pattern text := private.search_pattern(search);
  total bigint;
  items jsonb;
begin
  perform private.enter(credentials, 'projects');
  if list_project_users.project_id is not null then
    perform private.require_project(project_id);
  end if;
  select count(*) into total
  from public.users u join public.projects p on p.id = u.project_id and p.deleted_at is null
  where (list_project_users.project_id is null or u.project_id = list_project_users.project_id)
    and (search is null or u.email ilike pattern or u.full_name ilike pattern)
    and (active is null or (u.deactivated_at is null) = active);
  select coalesce(jsonb_agg(private.user_json(on_page.account)
      || jsonb_build_object('joined_at', on_page.created_at, 'project_name', on_page.project_name)
    order by on_page.created_at desc, on_page.id desc), '[]')
  into items
  from (
    select u as account, u.created_at, u.id, p.name as project_name
    from public.users u join public.projects p on p.id = u.project_id and p.deleted_at is null
    where (list_project_users.project_id is null or u.project_id = list_project_users.project_id)
      and (search is null or u.email ilike pattern or u.full_name ilike pattern)
      and (active is null or (u.deactivated_at is null) = active)
    order by u.created_at desc, u.id desc
    limit page_size offset (page - 1)::bigint * page_size
  ) as on_page;
  return jsonb_build_object('users', items, 'total', total, 'page', page, 'page_size', page_size);
end $$;
comment on function private.list_project_users(jsonb, uuid, text, boolean, integer, integer) is
  'End users of one project, or with null of all projects that the caller manages, newest first. Errors: project_not_found (404), '
  'those of private.authorize.';

create function private.end_user_sessions(user_id uuid) returns void
language plpgsql security definer set search_path = '' as $$
begin
  delete from auth.sessions s where s.user_id = end_user_sessions.user_id;
end $$;
comment on function private.end_user_sessions(uuid) is 'Signs an account out everywhere. Definer: only the owner may write auth.sessions.';
grant execute on function private.end_user_sessions(uuid) to service_role;

create function private.update_project_user(credentials jsonb, project_id uuid, user_id uuid, is_active boolean) returns jsonb
language plpgsql set search_path = '' as $$
declare
  project public.projects;
  account public.users;
begin
  perform private.enter(credentials, 'projects');
  project := private.require_project(project_id);
  if not exists (select from public.users u
    where u.id = update_project_user.user_id and u.project_id = update_project_user.project_id)
  then
    raise exception 'user_not_found' using errcode = 'PT404';
  end if;
  perform private.as_service();
  update public.users u
  set deactivated_at = case when is_active then null else coalesce(u.deactivated_at, now()) end
  where u.id = update_project_user.user_id and u.project_id = update_project_user.project_id
  returning * into account;
  if account.id is null then
    raise exception 'user_not_found' using errcode = 'PT404';
  end if;
  -- A token that was stolen before must not work again when the account is opened again.
  if not is_active then
    perform private.end_user_sessions(account.id);
  end if;
  return private.user_json(account) || jsonb_build_object('joined_at', account.created_at, 'project_name', project.name);
end $$;
comment on function private.update_project_user(jsonb, uuid, uuid, boolean) is
  'PATCH /projects/{id}/users/{user_id}: closes an account and ends its sessions, or opens it again. Errors: project_not_found, '
  'user_not_found (404), those of private.authorize.';

create function private.get_project_stats(credentials jsonb, project_id uuid, search text, active boolean) returns jsonb
language plpgsql set search_path = '' as $$
declare
  pattern text := private.search_pattern(search);
  projects jsonb;
  users jsonb;
  keys jsonb;
begin
  perform private.enter(credentials, 'projects');
  if get_project_stats.project_id is not null then
    perform private.require_project(project_id);
  end if;
  select jsonb_build_object('total', count(*), 'active', count(*) filter (where p.is_active)) into projects
  from public.projects p
  where p.deleted_at is null and (get_project_stats.project_id is null or p.id = get_project_stats.project_id)
    and (search is null or p.name ilike pattern or p.description ilike pattern)
    and (active is null or p.is_active = active);
  select jsonb_build_object('total', count(*), 'active', count(*) filter (where u.deactivated_at is null)) into users
  from public.users u join public.projects p on p.id = u.project_id and p.deleted_at is null
  where (get_project_stats.project_id is null or u.project_id = get_project_stats.project_id)
    and (search is null or u.email ilike pattern or u.full_name ilike pattern)
    and (active is null or (u.deactivated_at is null) = active);
  select jsonb_build_object('total', count(*), 'active', count(*) filter (where state.is_active)) into keys
  from public.api_keys k join public.projects p on p.id = k.project_id and p.deleted_at is null
  cross join lateral (
    select private.key_state(k.revoked_at, k.grace_ends_at, k.expires_at) = 'active' as is_active
  ) as state
  where (get_project_stats.project_id is null or k.project_id = get_project_stats.project_id)
    and (search is null or k.name ilike pattern or k.key_prefix ilike pattern)
    and (active is null or state.is_active = active);
  return jsonb_build_object('projects', projects, 'users', users, 'api_keys', keys);
end $$;
comment on function private.get_project_stats(jsonb, uuid, text, boolean) is
  'How many projects, end users and API keys there are, and how many of them are active; of one project, or with null of all that '
  'the caller manages. Errors: project_not_found (404), those of private.authorize.';

create function private.set_project_plan(credentials jsonb, id uuid, plan_id text) returns jsonb
language plpgsql set search_path = '' as $$
declare
  changed public.projects;
begin
  perform private.enter(credentials, 'projects');
  if current_setting('app.user_role') is distinct from 'operator' then
    raise exception 'operators_only' using errcode = 'PT403';
  end if;
  perform private.require_project(id);
  if set_project_plan.plan_id is not null
    and not exists (select from public.plans plan where plan.id = set_project_plan.plan_id)
  then
    raise exception 'plan_not_found' using errcode = 'PT404';
  end if;
  update public.projects p set plan_id = set_project_plan.plan_id where p.id = set_project_plan.id
  returning * into changed;
  return private.project_json(changed);
end $$;
comment on function private.set_project_plan(jsonb, uuid, text) is
  'PATCH /projects/{id}/plan, for operators; null follows the owner''s plan again. Errors: operators_only (403), project_not_found, '
  'plan_not_found (404), those of private.authorize.';
