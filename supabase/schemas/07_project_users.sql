-- What a developer sees and changes of the people of a project. One set of conditions serves a list and its total, so that
-- a search finds as many as it says.

-- Whom a search finds is looked for once, for the page and its total. Without one, an index has the page and counts the rest.
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
    select coalesce(jsonb_agg(private.user_json(on_page.account)
        || jsonb_build_object('joined_at', on_page.created_at, 'project_name', on_page.project_name)
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
    select (select count(*) from found), coalesce(jsonb_agg(private.user_json(u)
        || jsonb_build_object('joined_at', u.created_at, 'project_name', on_page.project_name)
      order by u.created_at desc, u.id desc), '[]')
    into total, items
    from on_page join public.users u using (id);
  end if;
  return jsonb_build_object('users', items, 'total', total, 'page', page, 'page_size', page_size);
end $$;
comment on function private.list_project_users(jsonb, uuid, text, boolean, integer, integer) is
  'End users of one project, or with null of all projects that the caller manages, newest first. Errors: project_not_found, '
  'those of private.authorize.';

create function private.update_project_user(credentials jsonb, project_id uuid, user_id uuid, is_active boolean) returns jsonb
language plpgsql set search_path = '' as $$
declare
  project public.projects;
  account public.users;
  is_operator boolean;
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
  if is_active and account.suspended_at is not null and not is_operator then
    raise exception 'account_suspended';
  end if;
  update public.users u
  set deactivated_at = case when is_active then null else coalesce(u.deactivated_at, now()) end,
    suspended_at = case when is_active then null when is_operator then coalesce(u.suspended_at, now()) else u.suspended_at end
  where u.id = update_project_user.user_id and u.project_id = update_project_user.project_id
  returning * into account;
  if account.id is null then
    raise exception 'user_not_found';
  end if;
  -- A token that was stolen before must not work again when the account is opened again.
  if not is_active then
    perform private.end_user_sessions(account.id, null);
  end if;
  return private.user_json(account) || jsonb_build_object('joined_at', account.created_at, 'project_name', project.name);
end $$;
comment on function private.update_project_user(jsonb, uuid, uuid, boolean) is
  'PATCH /projects/{id}/users/{user_id}: closes an account and ends its sessions, or opens it again. What an operator closed, only '
  'an operator opens. Errors: project_not_found, user_not_found, account_suspended, those of private.authorize.';

