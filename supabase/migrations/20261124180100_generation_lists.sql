-- Lists with a statement less: rows in the order of the index, where first their ids were read, then the rows, and then these
-- were sorted. A page by number begins behind the last row before it, which the index alone finds. The planner has to see how
-- long a page can be, or it sorts the whole list. Uploads, which a public list never tells, are not read for it.

create or replace function private.list_generations(credentials jsonb, page integer, per_page integer, after_created_at text,
  after_id uuid, known_total bigint default null) returns json
language plpgsql set search_path = '' set plan_cache_mode = force_generic_plan as $$
declare
  v_project uuid;
  v_user uuid;
  v_after timestamptz := coalesce(after_created_at::timestamptz, 'infinity');
  v_after_id uuid := coalesce(after_id, 'ffffffff-ffff-ffff-ffff-ffffffffffff');
  skipped integer := case when after_id is null then (page - 1) * per_page else 0 end;
  total bigint := known_total;
  items json;
begin
  perform private.enter(credentials, 'generation');
  v_project := current_setting('app.project_id')::uuid;
  -- A person sees the own ones, who runs the project sees all. The policy says so too; said here, an index answers it.
  if current_setting('app.user_role') = 'end_user' then
    v_user := private.actor_id();
    if total is null then
      select count(*) into total from public.generations g where g.project_id = v_project and g.user_id = v_user;
    end if;
    if skipped > 0 then
      select g.created_at, g.id into v_after, v_after_id from public.generations g
      where g.project_id = v_project and g.user_id = v_user
      order by g.created_at desc, g.id desc limit 1 offset skipped - 1;
    end if;
    select coalesce(json_agg(item), '[]') into items from (select * from (
      select g.id, g.status, g.instructions, g.model, g.example_images, g.outputs, g.is_public, g.link_version, g.error,
        g.error_code, g.charge <> 'refunded' as charged, g.created_at, g.updated_at, g.completed_at
      from public.generations g
      where g.project_id = v_project and g.user_id = v_user and (g.created_at, g.id) < (v_after, v_after_id)
      order by g.created_at desc, g.id desc limit 101
    ) known_limit limit per_page + 1) item;
  else
    if total is null then
      select count(*) into total from public.generations g where g.project_id = v_project;
    end if;
    if skipped > 0 then
      select g.created_at, g.id into v_after, v_after_id from public.generations g where g.project_id = v_project
      order by g.created_at desc, g.id desc limit 1 offset skipped - 1;
    end if;
    select coalesce(json_agg(item), '[]') into items from (select * from (
      select g.id, g.status, g.instructions, g.model, g.example_images, g.outputs, g.is_public, g.link_version, g.error,
        g.error_code, g.charge <> 'refunded' as charged, g.created_at, g.updated_at, g.completed_at
      from public.generations g
      where g.project_id = v_project and (g.created_at, g.id) < (v_after, v_after_id)
      order by g.created_at desc, g.id desc limit 101
    ) known_limit limit per_page + 1) item;
  end if;
  return json_build_object('total', total, 'generations', items);
end $$;

create or replace function private.list_public_generations(credentials jsonb, page integer, per_page integer,
  after_created_at text, after_id uuid, known_total bigint default null) returns json
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
  items json;
begin
  perform private.enter(credentials, 'public');
  v_project := nullif(current_setting('app.project_id'), '')::uuid;
  perform private.as_service();
  if v_project is null then
    hidden := array(
      select project.id from public.projects project where project.deleted_at is not null or not project.is_active
      union all
      select project.id from public.users owner join public.projects project on project.owner_id = owner.id
      where owner.deactivated_at is not null and owner.role <> 'end_user');
    if total is null then
      select count(*) into total from (
        select from public.generations g
        where g.is_public and g.status = 'completed' and g.project_id <> all (hidden) limit most_counted) counted;
    end if;
    -- The planner cannot know how few are hidden, so the ids, which the index alone finds, come first here.
    ids := array(select g.id from public.generations g
      where g.is_public and g.status = 'completed' and g.project_id <> all (hidden)
        and (g.created_at, g.id) < (v_after, v_after_id)
      order by g.created_at desc, g.id desc limit per_page + 1 offset skipped);
    select coalesce(json_agg(item), '[]') into items from (
      select g.id, g.status, g.instructions, g.model, g.outputs, g.is_public, g.link_version, g.error, g.error_code,
        g.charge <> 'refunded' as charged, g.created_at, g.updated_at, g.completed_at
      from public.generations g where g.id = any (ids) order by g.created_at desc, g.id desc
    ) item;
  elsif exists (
    select from public.projects project join public.users owner on owner.id = project.owner_id
    where project.id = v_project and (project.deleted_at is not null or not project.is_active
      or (owner.deactivated_at is not null and owner.role <> 'end_user')))
  then
    total := 0;
    items := '[]';
  else
    if total is null then
      select count(*) into total from (
        select from public.generations g
        where g.is_public and g.status = 'completed' and g.project_id = v_project limit most_counted) counted;
    end if;
    if skipped > 0 then
      select g.created_at, g.id into v_after, v_after_id from public.generations g
      where g.is_public and g.status = 'completed' and g.project_id = v_project
      order by g.created_at desc, g.id desc limit 1 offset skipped - 1;
    end if;
    select coalesce(json_agg(item), '[]') into items from (select * from (
      select g.id, g.status, g.instructions, g.model, g.outputs, g.is_public, g.link_version, g.error, g.error_code,
        g.charge <> 'refunded' as charged, g.created_at, g.updated_at, g.completed_at
      from public.generations g
      where g.is_public and g.status = 'completed' and g.project_id = v_project
        and (g.created_at, g.id) < (v_after, v_after_id)
      order by g.created_at desc, g.id desc limit 101
    ) known_limit limit per_page + 1) item;
  end if;
  return json_build_object('total', total, 'generations', items);
end $$;
