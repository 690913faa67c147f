-- Whom a search finds is looked for once, for the page and its total. Without one, an index has the page and counts the rest.

create or replace function private.list_project_users(
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
