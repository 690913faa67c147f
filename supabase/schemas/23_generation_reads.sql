-- Reads of one generation, lists, files and the usage of the plan.

create function private.require_generation(id uuid) returns void
language plpgsql stable set search_path = '' as $$
begin
  if not exists (select from public.generations g
    where g.id = require_generation.id and g.project_id = current_setting('app.project_id')::uuid)
  then
    raise exception 'generation_not_found';
  end if;
end $$;
comment on function private.require_generation(uuid) is
  'Passes if row-level security shows the generation of the named project, else generation_not_found.';

create function private.is_generation_served(id uuid) returns boolean
language plpgsql stable security definer set search_path = '' as $$
begin
  return exists (
    select from public.generations g
    left join public.projects project on project.id = g.project_id
    left join public.users owner on owner.id = project.owner_id
    where g.id = is_generation_served.id
      and (g.project_id is null or (project.deleted_at is null and project.is_active and owner.deactivated_at is null))
  );
end $$;
comment on function private.is_generation_served(uuid) is
  'Whether the project of a generation and its owner''s account are active. Otherwise its pictures are not served. Definer: an '
  'end user cannot read projects.';

create function private.get_generation_status(credentials jsonb, id uuid) returns json
language plpgsql set search_path = '' as $$
declare
  caller_role text := private.authorize_and_set_role(credentials, 'status');
  found json;
begin
  select i.item into found from private.generation_items i
  where i.id = get_generation_status.id and i.project_id = current_setting('app.project_id')::uuid;
  if found is null then
    raise exception 'generation_not_found';
  end if;
  return found;
end $$;
comment on function private.get_generation_status(jsonb, uuid) is
  'GET /generation/{id}/status. Errors: generation_not_found, those of private.authorize.';

create function private.get_generation_file(credentials jsonb, id uuid, kind text, "position" integer, link_version integer)
returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_signed_in boolean := credentials ->> 'user_id' is not null or credentials ->> 'operator_key_hash' is not null;
  v_project uuid;
  file jsonb;
begin
  -- A link version comes from a URL that the API signed for an authorized caller. It identifies nobody.
  perform private.authorize_and_set_role(credentials, case when v_signed_in and link_version is null then 'generation' else 'public' end);
  v_project := nullif(current_setting('app.project_id'), '')::uuid;
  if link_version is not null then
    perform set_config('role', 'service_role', true);
    select case get_generation_file.kind when 'output' then g.outputs else g.example_images end -> "position" into file
    from public.generations g
    where g.id = get_generation_file.id and g.link_version = get_generation_file.link_version
      and (g.expires_at is null or g.expires_at > now());
  elsif v_signed_in then
    select case get_generation_file.kind when 'output' then g.outputs else g.example_images end -> "position" into file
    from public.generations g
    where g.id = get_generation_file.id and g.project_id = v_project;
  end if;
  -- Published pictures are for everybody, signed in or not.
  if file is null and link_version is null and kind = 'output' then
    perform set_config('role', 'service_role', true);
    select g.outputs -> "position" into file
    from public.generations g
    where g.id = get_generation_file.id and g.is_public and (v_project is null or g.project_id = v_project);
  end if;
  if file is null then
    raise exception 'image_not_found';
  end if;
  perform set_config('role', 'service_role', true);
  if not private.is_generation_served(id) then
    raise exception 'image_not_found';
  end if;
  return file;
end $$;
comment on function private.get_generation_file(jsonb, uuid, text, integer, integer) is
  'The path of a picture of a generation. kind is output or example; link_version is that of a signed URL, or null. Errors: '
  'image_not_found, those of private.authorize.';

-- The time depends on the page, not on the number of rows. Rows come in the order of the index, and a page by number begins
-- after the last row of the page before. Plans are generic, because each call would make a custom plan again. A generic plan
-- does not know the size of a page and would sort the whole list, so sorting is off.
create function private.list_generations(credentials jsonb, page integer, per_page integer, after_created_at text,
  after_id uuid, known_total bigint default null) returns json
language plpgsql set search_path = '' set plan_cache_mode = force_generic_plan set enable_sort = off as $$
declare
  v_project uuid;
  v_user uuid;
  v_after timestamptz := coalesce(after_created_at::timestamptz, 'infinity');
  v_after_id uuid := coalesce(after_id, 'ffffffff-ffff-ffff-ffff-ffffffffffff');
  skipped integer := case when after_id is null then (page - 1) * per_page else 0 end;
  total bigint := known_total;
  items json;
begin
  perform private.authorize_and_set_role(credentials, 'generation');
  v_project := current_setting('app.project_id')::uuid;
  -- End users see their own generations, the project's owner sees all. The policy says the same, but this condition can use an index.
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
    select coalesce(json_agg(page.item), '[]') into items from (
      select g.item from private.generation_items g
      where g.project_id = v_project and g.user_id = v_user and (g.created_at, g.id) < (v_after, v_after_id)
      order by g.created_at desc, g.id desc limit per_page + 1
    ) page;
  else
    if total is null then
      select count(*) into total from public.generations g where g.project_id = v_project;
    end if;
    if skipped > 0 then
      select g.created_at, g.id into v_after, v_after_id from public.generations g where g.project_id = v_project
      order by g.created_at desc, g.id desc limit 1 offset skipped - 1;
    end if;
    select coalesce(json_agg(page.item), '[]') into items from (
      select g.item from private.generation_items g
      where g.project_id = v_project and (g.created_at, g.id) < (v_after, v_after_id)
      order by g.created_at desc, g.id desc limit per_page + 1
    ) page;
  end if;
  return json_build_object('total', total, 'generations', items);
end $$;
comment on function private.list_generations(jsonb, integer, integer, text, uuid, bigint) is
  'GET /generation: {total, generations}, newest first, with one extra row if there is a next page. The page begins after '
  '(after_created_at, after_id), or has a number. The caller may pass the total of an earlier page. Errors: those of '
  'private.authorize.';

create function private.list_public_generations(credentials jsonb, page integer, per_page integer,
  after_created_at text, after_id uuid, known_total bigint default null) returns json
language plpgsql set search_path = '' set plan_cache_mode = force_generic_plan set enable_sort = off as $$
declare
  most_counted constant integer := 1000;
  v_project uuid;
  v_after timestamptz := coalesce(after_created_at::timestamptz, 'infinity');
  v_after_id uuid := coalesce(after_id, 'ffffffff-ffff-ffff-ffff-ffffffffffff');
  skipped integer := case when after_id is null then (page - 1) * per_page else 0 end;
  total bigint := known_total;
  hidden uuid[];
  items json;
begin
  perform private.authorize_and_set_role(credentials, 'public');
  v_project := nullif(current_setting('app.project_id'), '')::uuid;
  perform set_config('role', 'service_role', true);
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
    if skipped > 0 then
      select g.created_at, g.id into v_after, v_after_id from public.generations g
      where g.is_public and g.status = 'completed' and g.project_id <> all (hidden)
      order by g.created_at desc, g.id desc limit 1 offset skipped - 1;
    end if;
    select coalesce(json_agg(page.item), '[]') into items from (
      select g.item from private.generation_items g
      where g.is_public and g.status = 'completed' and g.project_id <> all (hidden)
        and (g.created_at, g.id) < (v_after, v_after_id)
      order by g.created_at desc, g.id desc limit per_page + 1
    ) page;
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
    select coalesce(json_agg(page.item), '[]') into items from (
      select g.item from private.generation_items g
      where g.is_public and g.status = 'completed' and g.project_id = v_project
        and (g.created_at, g.id) < (v_after, v_after_id)
      order by g.created_at desc, g.id desc limit per_page + 1
    ) page;
  end if;
  return json_build_object('total', total, 'generations', items);
end $$;
comment on function private.list_public_generations(jsonb, integer, integer, text, uuid, bigint) is
  'GET /generation/public: like private.list_generations, for completed and published generations. The total is counted up to '
  '1,000. Errors: those of private.authorize.';

grant execute on function private.require_generation(uuid) to authenticated, service_role;
grant execute on function private.is_generation_served(uuid) to service_role;
