-- A developer lists and changes the end users of a project. A list and its total use the same conditions, so they agree.

create function private.project_user_json(account public.users, project_name text) returns jsonb
language plpgsql stable set search_path = '' as $$
begin
  return private.user_json(account) || jsonb_build_object('joined_at', account.created_at, 'project_name', project_name,
    'generations_per_day', account.generations_per_day, 'generations_per_month', account.generations_per_month,
    'concurrent_generations', account.concurrent_generations);
end $$;
comment on function private.project_user_json(public.users, text) is 'An end user as the project''s developer sees it.';

-- A search runs once, for the page and its total. Without a search, an index gives the page and the count.
create function private.list_project_users(
  credentials jsonb, project_id uuid, search text, active boolean, page integer, page_size integer)
returns jsonb
language plpgsql set search_path = '' as $$
declare
  pattern text := private.search_pattern(search);
  total bigint;
  items jsonb;
begin
  perform private.authorize_and_set_role(credentials, 'projects');
  if list_project_users.project_id is not null then
    perform private.require_project(project_id);
  end if;
  if search is null then
    select count(*) into total
    from public.users u join public.projects p on p.id = u.project_id and p.deleted_at is null
    where (list_project_users.project_id is null or u.project_id = list_project_users.project_id)
      and (active is null or (u.deactivated_at is null) = active);
    select coalesce(jsonb_agg(private.project_user_json(on_page.account, on_page.project_name)
      order by on_page.created_at desc, on_page.id desc), '[]')
    into items
    from (
      select u as account, u.created_at, u.id, p.name as project_name
      from public.users u join public.projects p on p.id = u.project_id and p.deleted_at is null
      where (list_project_users.project_id is null or u.project_id = list_project_users.project_id)
        and (active is null or (u.deactivated_at is null) = active)
      order by u.created_at desc, u.id desc
      limit page_size offset (page - 1)::bigint * page_size
    ) as on_page;
  else
    with found as materialized (
      select u.id, u.created_at, p.name as project_name
      from public.users u join public.projects p on p.id = u.project_id and p.deleted_at is null
      where (list_project_users.project_id is null or u.project_id = list_project_users.project_id)
        and (u.email ilike pattern or u.full_name ilike pattern)
        and (active is null or (u.deactivated_at is null) = active)
    ), on_page as (
      select * from found order by created_at desc, id desc limit page_size offset (page - 1)::bigint * page_size
    )
    select (select count(*) from found), coalesce(jsonb_agg(private.project_user_json(u, on_page.project_name)
      order by u.created_at desc, u.id desc), '[]')
    into total, items
    from on_page join public.users u using (id);
  end if;
  return jsonb_build_object('users', items, 'total', total, 'page', page, 'page_size', page_size);
end $$;
comment on function private.list_project_users(jsonb, uuid, text, boolean, integer, integer) is
  'End users of one project, or with null of all projects that the caller manages, newest first. Errors: project_not_found, '
  'those of private.authorize.';

create function private.update_project_user(credentials jsonb, project_id uuid, user_id uuid, changes jsonb) returns jsonb
language plpgsql set search_path = '' as $$
declare
  project public.projects;
  account public.users;
  wanted public.users;
  is_operator boolean;
  wants_active boolean := changes ->> 'is_active';
begin
  perform private.authorize_and_set_role(credentials, 'projects');
  is_operator := current_setting('app.user_role') = 'operator';
  project := private.require_project(project_id);
  if not exists (select from public.users u
    where u.id = update_project_user.user_id and u.project_id = update_project_user.project_id)
  then
    raise exception 'user_not_found';
  end if;
  perform set_config('role', 'service_role', true);
  select * into account from public.users u where u.id = update_project_user.user_id for update;
  if wants_active and account.suspended_at is not null and not is_operator then
    raise exception 'account_suspended';
  end if;
  wanted := jsonb_populate_record(account, changes);
  update public.users u
  set deactivated_at = case when wants_active then null when not wants_active then coalesce(u.deactivated_at, now())
      else u.deactivated_at end,
    suspended_at = case when wants_active then null when not wants_active and is_operator then coalesce(u.suspended_at, now())
      else u.suspended_at end,
    generations_per_day = wanted.generations_per_day, generations_per_month = wanted.generations_per_month,
    concurrent_generations = wanted.concurrent_generations
  where u.id = update_project_user.user_id and u.project_id = update_project_user.project_id
  returning * into account;
  if account.id is null then
    raise exception 'user_not_found';
  end if;
  -- A token that was stolen before the deactivation must not work again.
  if not wants_active then
    perform private.end_user_sessions(account.id, null);
  end if;
  return private.project_user_json(account, project.name);
end $$;
comment on function private.update_project_user(jsonb, uuid, uuid, jsonb) is
  'PATCH /projects/{id}/users/{user_id}: deactivates an account and ends its sessions, activates it, or sets its limits. Only '
  'an operator can activate an account that an operator deactivated. Errors: project_not_found, user_not_found, '
  'account_suspended, those of private.authorize.';

grant execute on function private.project_user_json(public.users, text) to authenticated, service_role;
