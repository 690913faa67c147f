-- Lists whose time depends on the page, not on how many rows there are. A plan for "this user, or anybody" used no index of a
-- user; a page read the rows of all pages before it; and every page of a long list counted the list again. Plans are forced to
-- be generic, since a limit that is known makes the planner plan each call anew, which takes longer than the page.

create index projects_hidden on public.projects (id) where deleted_at is not null or not is_active;
create index users_closed_owners on public.users (id) where deactivated_at is not null and role <> 'end_user';

drop function private.list_generations(jsonb, integer, integer, text, uuid);
create function private.list_generations(credentials jsonb, page integer, per_page integer, after_created_at text,
  after_id uuid, known_total bigint default null) returns json
language plpgsql set search_path = '' set plan_cache_mode = force_generic_plan as $$
declare
  v_project uuid;
  v_user uuid;
  v_after timestamptz := after_created_at::timestamptz;
  skipped integer := case when after_id is null then (page - 1) * per_page else 0 end;
  total bigint := known_total;
  ids uuid[];
begin
  perform private.enter(credentials, 'generation');
  v_project := current_setting('app.project_id')::uuid;
  -- A person sees the own ones, who runs the project sees all. The policy says so too; said here, an index answers it.
  -- Ids first, which an index has: rows are read for this page alone.
  if current_setting('app.user_role') = 'end_user' then
    v_user := private.actor_id();
    if total is null then
      select count(*) into total from public.generations g where g.project_id = v_project and g.user_id = v_user;
    end if;
    if after_id is null then
      ids := array(select g.id from public.generations g where g.project_id = v_project and g.user_id = v_user
        order by g.created_at desc, g.id desc limit per_page + 1 offset skipped);
    else
      ids := array(select g.id from public.generations g where g.project_id = v_project and g.user_id = v_user
          and (g.created_at, g.id) < (v_after, after_id)
        order by g.created_at desc, g.id desc limit per_page + 1);
    end if;
  else
    if total is null then
      select count(*) into total from public.generations g where g.project_id = v_project;
    end if;
    if after_id is null then
      ids := array(select g.id from public.generations g where g.project_id = v_project
        order by g.created_at desc, g.id desc limit per_page + 1 offset skipped);
    else
      ids := array(select g.id from public.generations g where g.project_id = v_project
          and (g.created_at, g.id) < (v_after, after_id)
        order by g.created_at desc, g.id desc limit per_page + 1);
    end if;
  end if;
  return json_build_object('total', total, 'generations', (
    select coalesce(json_agg(item), '[]') from (
      select g.id, g.status, g.instructions, g.model, g.example_images, g.outputs, g.is_public, g.link_version, g.error,
        g.error_code, g.charge <> 'refunded' as charged, g.created_at, g.updated_at, g.completed_at
      from public.generations g where g.id = any (ids) order by g.created_at desc, g.id desc
    ) item));
end $$;
comment on function private.list_generations(jsonb, integer, integer, text, uuid, bigint) is
  'GET /generation: {total, generations}, newest first, with one row more than asked for when there is a next page. Behind '
  '(after_created_at, after_id), or at a page; whoever knows the total from an earlier page hands it in. Errors: those of '
  'private.authorize.';

drop function private.list_public_generations(jsonb, integer, integer, text, uuid);
create function private.list_public_generations(credentials jsonb, page integer, per_page integer, after_created_at text,
  after_id uuid, known_total bigint default null) returns json
language plpgsql set search_path = '' set plan_cache_mode = force_generic_plan as $$
declare
  most_counted constant integer := 1000;
  v_project uuid;
  v_after timestamptz := coalesce(after_created_at::timestamptz, 'infinity');
  v_after_id uuid := coalesce(after_id, 'ffffffff-ffff-ffff-ffff-ffffffffffff');
  skipped integer := case when after_id is null then (page - 1) * per_page else 0 end;
  total bigint := known_total;
  hidden uuid[];
  ids uuid[];
begin
  perform private.enter(credentials, 'public');
  v_project := nullif(current_setting('app.project_id'), '')::uuid;
  perform private.as_service();
  hidden := array(
    select project.id from public.projects project where project.deleted_at is not null or not project.is_active
    union all
    select project.id from public.users owner join public.projects project on project.owner_id = owner.id
    where owner.deactivated_at is not null and owner.role <> 'end_user');
  if v_project is null then
    if total is null then
      select count(*) into total from (
        select from public.generations g
        where g.is_public and g.status = 'completed' and g.project_id <> all (hidden) limit most_counted) counted;
    end if;
    ids := array(select g.id from public.generations g
      where g.is_public and g.status = 'completed' and g.project_id <> all (hidden)
        and (g.created_at, g.id) < (v_after, v_after_id)
      order by g.created_at desc, g.id desc limit per_page + 1 offset skipped);
  elsif v_project = any (hidden) then
    total := 0;
  else
    if total is null then
      select count(*) into total from (
        select from public.generations g
        where g.is_public and g.status = 'completed' and g.project_id = v_project limit most_counted) counted;
    end if;
    ids := array(select g.id from public.generations g
      where g.is_public and g.status = 'completed' and g.project_id = v_project
        and (g.created_at, g.id) < (v_after, v_after_id)
      order by g.created_at desc, g.id desc limit per_page + 1 offset skipped);
  end if;
  return json_build_object('total', total, 'generations', (
    select coalesce(json_agg(item), '[]') from (
      select g.id, g.status, g.instructions, g.model, g.example_images, g.outputs, g.is_public, g.link_version, g.error,
        g.error_code, g.charge <> 'refunded' as charged, g.created_at, g.updated_at, g.completed_at
      from public.generations g where g.id = any (ids) order by g.created_at desc, g.id desc
    ) item));
end $$;
comment on function private.list_public_generations(jsonb, integer, integer, text, uuid, bigint) is
  'GET /generation/public: as private.list_generations, of what is completed and published. The total is counted up to '
  '1,000. Errors: those of private.authorize.';
