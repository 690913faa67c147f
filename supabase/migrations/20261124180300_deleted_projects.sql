-- Who sees all deleted projects is said without a null.

create or replace function private.list_deleted_projects(
  credentials jsonb, search text, active boolean, page integer, page_size integer) returns jsonb
language plpgsql set search_path = '' as $$
declare
  pattern text := '%' || replace(replace(replace(search, '\', '\\'), '%', '\%'), '_', '\_') || '%';
  is_operator boolean;
  total bigint;
  items jsonb;
begin
  perform private.enter(credentials, 'projects');
  -- Policies hide a deleted project from its owner too, so ownership is decided here; an operator sees all.
  is_operator := current_setting('app.user_role') = 'operator';
  perform private.as_service();
  select count(*) into total from public.projects p
  where p.deleted_at is not null and p.purge_started_at is null and (is_operator or p.owner_id = private.actor_id())
    and (search is null or p.name ilike pattern or p.description ilike pattern)
    and (active is null or p.is_active = active);
  select coalesce(jsonb_agg(private.project_json(on_page.project)
    || jsonb_build_object('deleted_at', on_page.deleted_at, 'removed_after', on_page.purge_at)
    order by on_page.deleted_at desc, on_page.id desc), '[]')
  into items
  from (
    select p as project, p.deleted_at, p.purge_at, p.id from public.projects p
    where p.deleted_at is not null and p.purge_started_at is null and (is_operator or p.owner_id = private.actor_id())
      and (search is null or p.name ilike pattern or p.description ilike pattern)
      and (active is null or p.is_active = active)
    order by p.deleted_at desc, p.id desc
    limit page_size offset (page - 1)::bigint * page_size
  ) as on_page;
  return jsonb_build_object('items', items, 'total', total);
end $$;
