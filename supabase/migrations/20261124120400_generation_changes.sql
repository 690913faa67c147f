-- What people do with generations that exist: list, publish, cancel, delete. A row is found under row-level security and
-- written as service_role.

create function private.list_generations(
  credentials jsonb, page integer, per_page integer, after_created_at text, after_id uuid) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_project uuid;
  v_user uuid;
  v_after timestamptz := after_created_at::timestamptz;
  total bigint;
  items jsonb;
begin
  perform private.enter(credentials, 'generation');
  v_project := current_setting('app.project_id')::uuid;
  -- A person sees the own ones, who runs the project sees all. The policy says so too; said here, an index answers it.
  if current_setting('app.user_role') = 'end_user' then
    v_user := private.actor_id();
    select count(*) into total from public.generations g where g.project_id = v_project and g.user_id = v_user;
  else
    select count(*) into total from public.generations g where g.project_id = v_project;
  end if;
  select coalesce(jsonb_agg(to_jsonb(item) order by item.created_at desc, item.id desc), '[]') into items
  from (
    select g.id, g.status, g.instructions, g.model, g.example_images, g.outputs, g.is_public, g.link_version, g.error,
      g.error_code, g.charge <> 'refunded' as charged, g.created_at, g.updated_at, g.completed_at
    from public.generations g
    where g.project_id = v_project and (v_user is null or g.user_id = v_user)
      and (after_id is null or (g.created_at, g.id) < (v_after, after_id))
    order by g.created_at desc, g.id desc
    limit per_page + 1 offset case when after_id is null then (page - 1) * per_page else 0 end
  ) item;
  return jsonb_build_object('total', total, 'generations', items);
end $$;
comment on function private.list_generations(jsonb, integer, integer, text, uuid) is
  'GET /generation: {total, generations}, newest first and one more than asked for, which tells whether there is a next page. '
  'After a position (created_at, id) the page is ignored. Errors: those of private.authorize.';

create function private.list_public_generations(
  credentials jsonb, page integer, per_page integer, after_created_at text, after_id uuid) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_project uuid;
  v_after timestamptz := after_created_at::timestamptz;
  hidden uuid[];
  total bigint;
  items jsonb;
begin
  perform private.enter(credentials, 'public');
  v_project := nullif(current_setting('app.project_id'), '')::uuid;
  perform private.as_service();
  hidden := array(
    select project.id from public.projects project
    join public.users owner on owner.id = project.owner_id
    where project.deleted_at is not null or not project.is_active or owner.deactivated_at is not null);
  if v_project is null then
    select count(*) into total from public.generations g
    where g.is_public and g.status = 'completed' and g.project_id <> all (hidden);
  else
    select count(*) into total from public.generations g
    where g.is_public and g.status = 'completed' and g.project_id = v_project and g.project_id <> all (hidden);
  end if;
  select coalesce(jsonb_agg(private.generation_json(to_jsonb(item)) order by item.created_at desc, item.id desc), '[]') into items
  from (
    select g.* from public.generations g
    where g.is_public and g.status = 'completed' and g.project_id <> all (hidden)
      and (v_project is null or g.project_id = v_project)
      and (after_id is null or (g.created_at, g.id) < (v_after, after_id))
    order by g.created_at desc, g.id desc
    limit per_page + 1 offset case when after_id is null then (page - 1) * per_page else 0 end
  ) item;
  return jsonb_build_object('total', total, 'generations', items);
end $$;
comment on function private.list_public_generations(jsonb, integer, integer, text, uuid) is
  'GET /generation/public: as private.list_generations, of what is completed and published. Errors: those of private.authorize.';

create function private.require_generation(id uuid) returns void
language plpgsql stable set search_path = '' as $$
begin
  if not exists (select from public.generations g
    where g.id = require_generation.id and g.project_id = current_setting('app.project_id')::uuid)
  then
    raise exception 'generation_not_found' using errcode = 'PT404';
  end if;
end $$;
comment on function private.require_generation(uuid) is
  'Passes when row-level security shows the generation of the named project, else generation_not_found.';
grant execute on function private.require_generation(uuid) to authenticated, service_role;

create function private.publish_generation(credentials jsonb, id uuid, is_public boolean) returns jsonb
language plpgsql set search_path = '' as $$
begin
  perform private.enter(credentials, 'generation');
  perform private.require_generation(id);
  perform private.as_service();
  update public.generations g
  set is_public = publish_generation.is_public,
    link_version = g.link_version + case when g.is_public and not publish_generation.is_public then 1 else 0 end
  where g.id = publish_generation.id and g.is_public is distinct from publish_generation.is_public;
  return jsonb_build_object('id', publish_generation.id, 'is_public', publish_generation.is_public);
end $$;
comment on function private.publish_generation(jsonb, uuid, boolean) is
  'PATCH /generation/{id}/public. Taking it back also ends every address that was signed before. Errors: '
  'generation_not_found (404), those of private.authorize.';

create function private.cancel_generation(credentials jsonb, id uuid, error text) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_changed public.generations;
begin
  perform private.enter(credentials, 'generation');
  perform private.require_generation(id);
  perform private.as_service();
  update public.generations g
  set status = 'canceled', error_code = 'canceled', error = cancel_generation.error, charge = 'refunded',
    completed_at = now(), next_check_at = null
  where g.id = cancel_generation.id and g.status in ('pending', 'processing')
  returning * into v_changed;
  if v_changed.id is null then
    raise exception 'generation_not_running' using errcode = 'PT409';
  end if;
  if v_changed.prediction_id is not null then
    insert into public.cleanup_tasks (kind, target, generation_id)
    values ('prediction', v_changed.prediction_id, v_changed.id);
  end if;
  return private.generation_json(to_jsonb(v_changed));
end $$;
comment on function private.cancel_generation(jsonb, uuid, text) is
  'POST /generation/{id}/cancel: ended and not charged at once; the prediction is remembered to be canceled at Replicate. '
  'Errors: generation_not_running (409), generation_not_found (404), those of private.authorize.';

create function private.delete_generation(credentials jsonb, id uuid) returns void
language plpgsql set search_path = '' as $$
begin
  perform private.enter(credentials, 'generation');
  perform private.require_generation(id);
  perform private.as_service();
  delete from public.generations g where g.id = delete_generation.id;
end $$;
comment on function private.delete_generation(jsonb, uuid) is
  'DELETE /generation/{id}. Its prediction and files become cleanup tasks in the same transaction. Errors: '
  'generation_not_found (404), those of private.authorize.';

create function private.get_generation_usage(credentials jsonb) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_project uuid;
  v_month date := date_trunc('month', now() at time zone 'utc')::date;
begin
  perform private.enter(credentials, 'generation');
  v_project := current_setting('app.project_id')::uuid;
  perform private.as_service();
  return (
    select jsonb_build_object(
      'plan', plan.id, 'month', v_month,
      'used', coalesce((select usage.generations from public.generation_usage usage
        where usage.project_id = v_project and usage.month = v_month), 0),
      'limit', plan.generations_per_month,
      'running', (select count(*) from public.generations g
        where g.project_id = v_project and g.status in ('pending', 'processing')),
      'concurrent_limit', plan.concurrent_generations,
      'resets_at', (v_month + interval '1 month') at time zone 'utc')
    from public.projects project
    join public.users owner on owner.id = project.owner_id
    left join public.plans plan on plan.id = coalesce(project.plan_id, owner.plan_id)
    where project.id = v_project
  );
end $$;
comment on function private.get_generation_usage(jsonb) is
  'GET /generation/usage: what the project''s plan allows and what is used of it. Errors: those of private.authorize.';
