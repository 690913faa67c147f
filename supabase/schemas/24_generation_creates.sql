-- Creates of generations: the model must be allowed and the quota must have room. Both are checked under locks.

create function private.create_generation(credentials jsonb, generation jsonb) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_project uuid;
  v_actor uuid;
  v_month date := date_trunc('month', now() at time zone 'utc')::date;
  limits public.plans;
  mine jsonb;
  created public.generations;
  created_json jsonb;
  claimed integer;
begin
  perform private.authorize_and_set_role(credentials, 'generation');
  v_project := current_setting('app.project_id')::uuid;
  v_actor := private.actor_id();
  perform set_config('role', 'service_role', true);
  if not private.hold_project(v_project) then
    raise exception 'project_inactive';
  end if;

  limits := private.project_plan(v_project);
  if (generation ->> 'model_requested')::boolean then
    perform private.require_model(generation ->> 'model', limits.id);
  end if;

  -- The usage row is locked from here on. Creates of one project take turns, so both counts below are correct.
  insert into public.generation_usage as usage (project_id, month, generations) values (v_project, v_month, 1)
  on conflict (project_id, month) do update set generations = usage.generations + 1
    where limits.generations_per_month is null
      or (usage.generations < limits.generations_per_month and usage.sent < private.sent_limit(limits.generations_per_month));
  if not found then
    raise exception '%', (
        select case when usage.generations < limits.generations_per_month then 'sent_limit_reached' else 'quota_exceeded' end
        from public.generation_usage usage where usage.project_id = v_project and usage.month = v_month)
      using detail = jsonb_build_object('retry_after_seconds',
        ceil(extract(epoch from (v_month + interval '1 month') - (now() at time zone 'utc'))));
  end if;
  if (select count(*) from public.generations g where g.project_id = v_project and g.status in ('pending', 'processing'))
    >= limits.concurrent_generations
  then
    raise exception 'concurrency_limit_reached' using detail = jsonb_build_object('retry_after_seconds', 5);
  end if;
  select private.user_limits(project, account) into mine
  from public.projects project, public.users account where project.id = v_project and account.id = v_actor;
  if mine is not null then
    perform private.take_user_quota(v_actor, mine);
  end if;

  insert into public.generations
    (id, project_id, user_id, instructions, model, options, example_images, is_public, charge, charged_month, next_check_at)
  values ((generation ->> 'id')::uuid, v_project, v_actor, generation ->> 'instructions', generation ->> 'model',
    coalesce(nullif(generation -> 'options', 'null'), '{}'), coalesce(nullif(generation -> 'example_images', 'null'), '[]'),
    coalesce((generation ->> 'is_public')::boolean, false), 'reserved', v_month, now() + interval '15 seconds')
  returning * into created;

  if jsonb_array_length(generation -> 'upload_ids') > 0 then
    update public.uploads upload set generation_id = created.id
    where upload.id in (select value::uuid from jsonb_array_elements_text(generation -> 'upload_ids'))
      and upload.generation_id is null and upload.project_id = v_project and upload.user_id = v_actor;
    get diagnostics claimed = row_count;
    if claimed <> jsonb_array_length(generation -> 'upload_ids') then
      raise exception 'upload_not_found';
    end if;
  end if;
  created_json := (select i.item from private.generation_items i where i.id = created.id);
  if generation ->> 'idempotency_key' is not null then
    perform private.finish_idempotent(created.id, created_json);
  end if;
  return created_json;
end $$;
comment on function private.create_generation(jsonb, jsonb) is
  'Reserves quota, inserts a pending generation, takes its uploads and finishes its idempotency key, in one transaction. '
  'Errors: quota_exceeded, sent_limit_reached, concurrency_limit_reached, those of private.take_user_quota (detail: seconds to '
  'wait), model_not_allowed, project_inactive, upload_not_found, project_not_found, idempotency_key_in_use, those of '
  'private.authorize.';
