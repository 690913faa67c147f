-- What is left of a deleted project until it is removed: hidden from everybody, also from a developer who made pictures in it,
-- but named to its owner, who may restore it.

create index projects_deleted on public.projects (deleted_at desc, id desc) where deleted_at is not null;

create function private.actor_project_id() returns uuid
language plpgsql stable security definer set search_path = '' as $$
begin
  return coalesce(nullif(current_setting('app.project_id', true), '')::uuid, (
    select account.project_id from public.users account where account.id = private.actor_id()));
end $$;
comment on function private.actor_project_id() is
  'The project that the caller acts in: named by the request of the API, else that of an end user. It lives, or there would be '
  'no caller. Definer: users has policies of its own.';
grant execute on function private.actor_project_id() to authenticated, service_role;

alter policy generations_select_self_or_owner on public.generations
  using ((user_id = (select private.actor_id()) and project_id = (select private.actor_project_id()))
    or project_id = any ((select private.managed_project_ids())::uuid[]));

create function private.list_deleted_projects(
  credentials jsonb, search text, active boolean, page integer, page_size integer) returns jsonb
language plpgsql set search_path = '' as $$
declare
  pattern text := '%' || replace(replace(replace(search, '\', '\\'), '%', '\%'), '_', '\_') || '%';
  owner uuid;
  total bigint;
  items jsonb;
begin
  perform private.enter(credentials, 'projects');
  -- Policies hide a deleted project from its owner too, so ownership is decided here; an operator sees all.
  owner := case when current_setting('app.user_role') is distinct from 'operator' then private.actor_id() end;
  perform private.as_service();
  select count(*) into total from public.projects p
  where p.deleted_at is not null and p.purge_started_at is null and (owner is null or p.owner_id = owner)
    and (search is null or p.name ilike pattern or p.description ilike pattern)
    and (active is null or p.is_active = active);
  select coalesce(jsonb_agg(private.project_json(on_page.project)
    || jsonb_build_object('deleted_at', on_page.deleted_at, 'removed_after', on_page.purge_at)
    order by on_page.deleted_at desc, on_page.id desc), '[]')
  into items
  from (
    select p as project, p.deleted_at, p.purge_at, p.id from public.projects p
    where p.deleted_at is not null and p.purge_started_at is null and (owner is null or p.owner_id = owner)
      and (search is null or p.name ilike pattern or p.description ilike pattern)
      and (active is null or p.is_active = active)
    order by p.deleted_at desc, p.id desc
    limit page_size offset (page - 1)::bigint * page_size
  ) as on_page;
  return jsonb_build_object('items', items, 'total', total);
end $$;
comment on function private.list_deleted_projects(jsonb, text, boolean, integer, integer) is
  'GET /projects?deleted=true: those that can still be restored, last deleted first. Errors: those of private.authorize.';
