-- A deleted project is refused everywhere at once. Its owner may restore it until its removal begins. The removal works in
-- batches, and may stop and continue at any point.

create function private.list_deleted_projects(
  credentials jsonb, search text, active boolean, page integer, page_size integer) returns jsonb
language plpgsql set search_path = '' as $$
declare
  pattern text := private.search_pattern(search);
  is_operator boolean;
  total bigint;
  items jsonb;
begin
  perform private.authorize_and_set_role(credentials, 'projects');
  -- Policies hide a deleted project from its owner too, so ownership is decided here; an operator sees all.
  is_operator := current_setting('app.user_role') = 'operator';
  perform set_config('role', 'service_role', true);
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
comment on function private.list_deleted_projects(jsonb, text, boolean, integer, integer) is
  'GET /projects?deleted=true: the projects that can still be restored, last deleted first. Errors: those of private.authorize.';

create function private.delete_project(credentials jsonb, id uuid, purge_days integer) returns jsonb
language plpgsql set search_path = '' as $$
declare
  predictions jsonb := '[]';
  is_operator boolean;
  running uuid;
  prediction text;
begin
  perform private.authorize_and_set_role(credentials, 'projects');
  is_operator := current_setting('app.user_role') = 'operator';
  perform set_config('role', 'service_role', true);
  perform private.hold_managed_project(id);
  update public.projects p
  set deleted_at = now(), purge_at = now() + make_interval(days => purge_days), deleted_by_operator = is_operator
  where p.id = delete_project.id;
  for running in
    select g.id from public.generations g
    where g.project_id = delete_project.id and g.status in ('pending', 'processing') order by g.id
  loop
    select ended.prediction_id into prediction from private.end_canceled(running, 'project_deleted',
      '{"refunded": "The project was deleted.", "charged": "The project was deleted."}') as ended;
    if prediction is not null then
      predictions := predictions || to_jsonb(prediction);
    end if;
  end loop;
  return predictions;
end $$;
comment on function private.delete_project(jsonb, uuid, integer) is
  'DELETE /projects/{id}: refuses the project from now on; its removal begins after purge_days. Returns the predictions that '
  'must be canceled. The owner cannot restore a project that an operator deleted. Errors: project_not_found, those of '
  'private.authorize.';

create function private.restore_project(credentials jsonb, id uuid) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_actor uuid;
  allowed integer;
  project public.projects;
begin
  perform private.authorize_and_set_role(credentials, 'projects');
  v_actor := private.actor_id();
  perform set_config('role', 'service_role', true);
  -- Policies hide a deleted project from its owner too, so ownership is decided here.
  select * into project from public.projects p
  where p.id = restore_project.id and (p.owner_id = v_actor or current_setting('app.user_role') = 'operator')
  for update;
  if project.id is null then
    raise exception 'project_not_found';
  elsif project.deleted_at is null then
    return private.project_json(project);
  elsif project.deleted_by_operator and current_setting('app.user_role') is distinct from 'operator' then
    raise exception 'project_suspended';
  end if;
  select plan.projects into allowed
  from public.users account left join public.plans plan on plan.id = account.plan_id
  where account.id = project.owner_id for update of account;
  update public.projects p set deleted_at = null, purge_at = null, deleted_by_operator = false
  where p.id = project.id and p.purge_started_at is null
  returning * into project;
  if project.id is null then
    raise exception 'restore_window_over';
  elsif private.count_projects(project.owner_id) > allowed then
    raise exception 'project_limit_reached';
  end if;
  return private.project_json(project);
end $$;
comment on function private.restore_project(jsonb, uuid) is
  'POST /projects/{id}/restore; a project that is not deleted is returned as it is. Errors: project_not_found, '
  'project_suspended, project_limit_reached, restore_window_over, those of private.authorize.';

create function private.claim_project_purges(batch_size integer, lease_seconds integer) returns jsonb
language plpgsql set search_path = '' as $$
declare
  claimed jsonb;
begin
  perform set_config('role', 'service_role', true);
  with due as (
    select p.id from public.projects p
    where p.purge_at <= now()
    order by p.purge_at
    limit batch_size
    for update skip locked
  ), taken as (
    update public.projects p
    set purge_started_at = coalesce(p.purge_started_at, now()), purge_at = now() + make_interval(secs => lease_seconds)
    from due where p.id = due.id
    returning p.id
  )
  select coalesce(jsonb_agg(taken.id), '[]') into claimed from taken;
  return claimed;
end $$;
comment on function private.claim_project_purges(integer, integer) is
  'Claims deleted projects that are due for removal, each for one worker until its lease ends. They can no longer be restored.';

create function private.purge_project_users(project_id uuid, batch_size integer) returns integer
language plpgsql security definer set search_path = '' as $$
declare
  removed integer;
begin
  with batch as (
    select account.id from public.users account
    join public.projects project on project.id = account.project_id and project.purge_started_at is not null
    where account.project_id = purge_project_users.project_id
    limit batch_size
  )
  delete from auth.users u using batch where u.id = batch.id;
  get diagnostics removed = row_count;
  return removed;
end $$;
comment on function private.purge_project_users(uuid, integer) is
  'Deletes accounts of a project during its removal, with their auth users and sessions. Returns how many. Definer: only the '
  'owner may write auth.users.';

create function private.purge_project(id uuid, batch_size integer, lease_seconds integer) returns jsonb
language plpgsql set search_path = '' as $$
declare
  prefix text := id || '/';
  files jsonb;
  removed integer;
begin
  perform set_config('role', 'service_role', true);
  update public.projects p set purge_at = now() + make_interval(secs => lease_seconds)
  where p.id = purge_project.id and p.purge_started_at is not null;
  if not found then
    return jsonb_build_object('files', '[]'::jsonb, 'rows', 0, 'done', true);
  end if;
  -- Files come first in every step, so files that were still being written at the deletion are found too.
  select coalesce(jsonb_agg(jsonb_build_object('bucket', found.bucket_id, 'path', found.name)), '[]') into files
  from (
    select o.bucket_id, o.name from storage.objects o
    where o.bucket_id in ('uploads', 'generations')
      and o.name collate "C" >= prefix and o.name collate "C" < replace(prefix, '/', '0')
    limit batch_size
  ) as found;
  if files <> '[]' then
    return jsonb_build_object('files', files, 'rows', 0, 'done', false);
  end if;
  delete from public.generations g where g.id in (
    select o.id from public.generations o where o.project_id = purge_project.id limit batch_size);
  get diagnostics removed = row_count;
  if removed = 0 then
    -- Otherwise the deletion of the project's row would delete all of them in one statement.
    delete from public.webhook_deliveries d where d.id in (
      select o.id from public.webhook_deliveries o where o.project_id = purge_project.id limit batch_size);
    get diagnostics removed = row_count;
  end if;
  if removed = 0 then
    removed := private.purge_project_users(id, batch_size);
  end if;
  if removed > 0 then
    return jsonb_build_object('files', files, 'rows', removed, 'done', false);
  end if;
  perform private.remember_removed_project(id);
  delete from public.projects p where p.id = purge_project.id;
  return jsonb_build_object('files', files, 'rows', 1, 'done', true);
end $$;
comment on function private.purge_project(uuid, integer, integer) is
  'One bounded step of a removal: {files: [{bucket, path}], rows, done}. The caller removes the files through Storage and '
  'calls again until done. Every step extends the lease. A repeated step removes nothing twice.';

grant execute on function private.purge_project_users(uuid, integer) to service_role;
