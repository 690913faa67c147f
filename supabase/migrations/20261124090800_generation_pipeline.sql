-- How a generation comes to be, is submitted once, and ends once. Each step is one statement's worth of decision, so that
-- two workers, a repeated webhook or a killed process change nothing twice.

create function private.generation_json(generation jsonb) returns jsonb
language plpgsql stable set search_path = '' as $$
begin
  return jsonb_build_object(
    'id', generation -> 'id', 'status', generation -> 'status', 'instructions', generation -> 'instructions',
    'model', generation -> 'model', 'example_images', generation -> 'example_images', 'outputs', generation -> 'outputs',
    'is_public', generation -> 'is_public', 'link_version', generation -> 'link_version', 'error', generation -> 'error',
    'error_code', generation -> 'error_code', 'charged', generation ->> 'charge' <> 'refunded', 'created_at', generation -> 'created_at',
    'updated_at', generation -> 'updated_at', 'completed_at', generation -> 'completed_at');
end $$;
comment on function private.generation_json(jsonb) is 'A generation as the API reads it; paths of files become addresses there.';
grant execute on function private.generation_json(jsonb) to authenticated, service_role;

create function private.create_generation(credentials jsonb, generation jsonb) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_project uuid;
  v_actor uuid;
  v_month date := date_trunc('month', now() at time zone 'utc')::date;
  limits public.plans;
  created public.generations;
  created_json jsonb;
  claimed integer;
begin
  perform private.enter(credentials, 'generation');
  v_project := current_setting('app.project_id')::uuid;
  v_actor := private.actor_id();
  perform private.as_service();

  select plan.* into limits
  from public.projects project
  join public.users owner on owner.id = project.owner_id
  join public.plans plan on plan.id = coalesce(project.plan_id, owner.plan_id)
  where project.id = v_project;
  if (generation ->> 'model_requested')::boolean then
    perform private.require_model(generation ->> 'model', limits.id);
  end if;

  -- The usage row is locked from here on: creates of one project take turns, and both counts below are the truth.
  insert into public.generation_usage as usage (project_id, month, generations) values (v_project, v_month, 1)
  on conflict (project_id, month) do update set generations = usage.generations + 1
    where limits.generations_per_month is null or usage.generations < limits.generations_per_month;
  if not found then
    raise exception 'quota_exceeded' using errcode = 'PT429',
      detail = ceil(extract(epoch from (v_month + interval '1 month') - (now() at time zone 'utc')))::text;
  end if;
  if (select count(*) from public.generations g where g.project_id = v_project and g.status in ('pending', 'processing'))
    >= limits.concurrent_generations
  then
    raise exception 'concurrency_limit_reached' using errcode = 'PT429', detail = '5';
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
      raise exception 'upload_not_found' using errcode = 'PT404';
    end if;
  end if;
  created_json := private.generation_json(to_jsonb(created));
  if generation ->> 'idempotency_key' is not null then
    perform private.finish_idempotent(created.id, created_json);
  end if;
  return created_json;
end $$;
comment on function private.create_generation(jsonb, jsonb) is
  'Reserves quota, inserts a pending generation, takes its uploads and ends its idempotency key, all or nothing. Errors: '
  'quota_exceeded, concurrency_limit_reached (429, detail: seconds to wait), model_not_allowed (403), upload_not_found (404), '
  'idempotency_key_in_use (409), those of private.authorize.';

create function private.get_generation_status(credentials jsonb, id uuid) returns jsonb
language plpgsql set search_path = '' as $$
declare
  found jsonb;
begin
  perform private.enter(credentials, 'generation');
  select jsonb_build_object(
    'id', g.id, 'status', g.status, 'instructions', g.instructions, 'model', g.model, 'example_images', g.example_images,
    'outputs', g.outputs, 'is_public', g.is_public, 'link_version', g.link_version, 'error', g.error,
    'error_code', g.error_code, 'charged', g.charge <> 'refunded', 'created_at', g.created_at, 'updated_at', g.updated_at, 'completed_at', g.completed_at)
  into found
  from public.generations g
  where g.id = get_generation_status.id and g.project_id = current_setting('app.project_id')::uuid;
  if found is null then
    raise exception 'generation_not_found' using errcode = 'PT404';
  end if;
  return found;
end $$;
comment on function private.get_generation_status(jsonb, uuid) is
  'GET /generation/{id}/status. Errors: generation_not_found (404), those of private.authorize.';

create function private.get_generation_file(credentials jsonb, id uuid, kind text, "position" integer, link_version integer)
returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_signed_in boolean := credentials ->> 'user_id' is not null or credentials ->> 'operator_key_hash' is not null;
  v_project uuid;
  file jsonb;
begin
  -- A link version comes from an address that the API signed for somebody who may see the picture; it names no person.
  perform private.enter(credentials, case when v_signed_in and link_version is null then 'generation' else 'public' end);
  v_project := nullif(current_setting('app.project_id'), '')::uuid;
  if link_version is not null then
    perform private.as_service();
    select case get_generation_file.kind when 'output' then g.outputs else g.example_images end -> "position" into file
    from public.generations g
    where g.id = get_generation_file.id and g.link_version = get_generation_file.link_version
      and (g.expires_at is null or g.expires_at > now());
  elsif v_signed_in then
    select case get_generation_file.kind when 'output' then g.outputs else g.example_images end -> "position" into file
    from public.generations g
    where g.id = get_generation_file.id and g.project_id = v_project;
  end if;
  -- What is published is for everybody, also for somebody signed in.
  if file is null and link_version is null and kind = 'output' then
    perform private.as_service();
    select g.outputs -> "position" into file
    from public.generations g
    where g.id = get_generation_file.id and g.is_public and (v_project is null or g.project_id = v_project);
  end if;
  if file is null or not private.is_served(id) then
    raise exception 'image_not_found' using errcode = 'PT404';
  end if;
  return file;
end $$;
comment on function private.get_generation_file(jsonb, uuid, text, integer, integer) is
  'Where a picture of a generation is stored. kind is output or example; link_version is that of a signed address, or null. '
  'Errors: image_not_found (404), those of private.authorize.';

create function private.is_served(id uuid) returns boolean
language plpgsql stable security definer set search_path = '' as $$
begin
  return exists (
    select from public.generations g
    left join public.projects project on project.id = g.project_id
    where g.id = is_served.id
      and (g.project_id is null or (project.deleted_at is null and project.is_active))
  );
end $$;
comment on function private.is_served(uuid) is
  'Whether the project of a generation still answers: pictures die with it. Definer: an end user cannot read projects.';
grant execute on function private.is_served(uuid) to authenticated, service_role;

create function private.claim_submission(id uuid, lease_seconds integer) returns jsonb
language plpgsql set search_path = '' as $$
declare
  claimed public.generations;
begin
  perform private.as_service();
  update public.generations g
  set submission = 'submitting', submission_attempts = g.submission_attempts + 1, submitted_at = now(),
    next_check_at = now() + make_interval(secs => lease_seconds)
  where g.id = claim_submission.id and g.status = 'pending' and g.submission = 'waiting'
  returning * into claimed;
  return case when claimed.id is not null then jsonb_build_object(
    'id', claimed.id, 'instructions', claimed.instructions, 'model', claimed.model, 'options', claimed.options,
    'example_images', claimed.example_images, 'attempt', claimed.submission_attempts) end;
end $$;
comment on function private.claim_submission(uuid, integer) is
  'Takes the one lease under which a generation may be sent to Replicate, or null when somebody has it or it was sent.';

create function private.record_submission(id uuid, prediction_id text) returns text
language plpgsql set search_path = '' as $$
declare
  v_status text;
begin
  perform private.as_service();
  update public.generations g
  set prediction_id = record_submission.prediction_id, submission = 'accepted',
    status = case when g.status = 'pending' then 'processing' else g.status end,
    next_check_at = case when g.completed_at is null then now() + interval '1 minute' end
  where g.id = record_submission.id and g.prediction_id is null
  returning g.status into v_status;
  if v_status is null then
    select g.status into v_status from public.generations g
    where g.id = record_submission.id and g.prediction_id = record_submission.prediction_id;
    if v_status is not null then
      return 'running';
    end if;
  end if;
  if v_status = 'processing' then
    return 'running';
  end if;
  -- Ended or deleted while it was on its way: what runs at Replicate now is wanted by nobody.
  insert into public.cleanup_tasks (kind, target, generation_id)
  values ('prediction', record_submission.prediction_id, record_submission.id);
  return 'unwanted';
end $$;
comment on function private.record_submission(uuid, text) is
  'Replicate knows the generation: running, or unwanted when it was canceled, deleted or failed meanwhile (the prediction is '
  'then remembered to be canceled).';

create function private.release_submission(id uuid, outcome text, wait_seconds integer) returns void
language plpgsql set search_path = '' as $$
begin
  perform private.as_service();
  update public.generations g
  set submission = outcome, next_check_at = now() + make_interval(secs => wait_seconds)
  where g.id = release_submission.id and g.status = 'pending' and g.submission in ('submitting', 'unclear');
end $$;
comment on function private.release_submission(uuid, text, integer) is
  'After a request that did not create a prediction for sure: waiting (refused, send again after the wait) or unclear (never send again).';

create function private.take_webhook(id uuid, webhook_id text) returns text
language plpgsql set search_path = '' as $$
#variable_conflict use_column
begin
  perform private.as_service();
  insert into public.generation_events (generation_id, kind, webhook_id)
  select g.id, 'webhook', take_webhook.webhook_id from public.generations g where g.id = take_webhook.id
  on conflict (webhook_id) do nothing;
  return case
    when found then 'taken'
    when exists (select from public.generations g where g.id = take_webhook.id) then 'seen'
    else 'gone' end;
end $$;
comment on function private.take_webhook(uuid, text) is
  'taken: to be followed. seen: the delivery came before. gone: the generation was deleted.';

create function private.find_work(id uuid) returns jsonb
language plpgsql set search_path = '' as $$
begin
  perform private.as_service();
  return (
    select jsonb_build_object('id', g.id, 'project_id', g.project_id, 'status', g.status, 'submission', g.submission,
      'prediction_id', g.prediction_id, 'submitted_at', g.submitted_at, 'created_at', g.created_at)
    from public.generations g where g.id = find_work.id
  );
end $$;
comment on function private.find_work(uuid) is
  'Where a generation stands: {id, project_id, status, submission, prediction_id, submitted_at, created_at}, or null.';

create function private.complete_generation(id uuid, outputs jsonb, predict_seconds double precision) returns boolean
language plpgsql set search_path = '' as $$
begin
  perform private.as_service();
  update public.generations g
  set status = 'completed', outputs = complete_generation.outputs, charge = 'committed',
    predict_seconds = complete_generation.predict_seconds, completed_at = now(), next_check_at = null
  where g.id = complete_generation.id and g.status in ('pending', 'processing');
  return found;
end $$;
comment on function private.complete_generation(uuid, jsonb, double precision) is
  'The pictures are in Storage. False when the generation had ended before.';

create function private.fail_generation(
  id uuid, error_code text, error text, status text, predict_seconds double precision) returns boolean
language plpgsql set search_path = '' as $$
begin
  perform private.as_service();
  update public.generations g
  set status = fail_generation.status, error_code = fail_generation.error_code, error = fail_generation.error,
    predict_seconds = fail_generation.predict_seconds, charge = 'refunded', completed_at = now(), next_check_at = null
  where g.id = fail_generation.id and g.status in ('pending', 'processing');
  return found;
end $$;
comment on function private.fail_generation(uuid, text, text, text, double precision) is
  'Ends a generation as failed or canceled and gives its charge back. False when it had ended before.';

create function private.claim_due_generations(batch_size integer) returns jsonb
language plpgsql set search_path = '' as $$
declare
  claimed jsonb;
begin
  perform private.as_service();
  with due as (
    select g.id from public.generations g
    where g.next_check_at <= now()
    order by g.next_check_at
    limit batch_size
    for update skip locked
  ), taken as (
    update public.generations g
    set next_check_at = now() + interval '1 minute',
      -- A lease that ran out: the request may have reached Replicate, so it is never sent again.
      submission = case when g.submission = 'submitting' then 'unclear' else g.submission end
    from due where g.id = due.id
    returning g.id, g.project_id, g.status, g.submission, g.prediction_id, g.submitted_at, g.created_at
  )
  select coalesce(jsonb_agg(to_jsonb(taken)), '[]') into claimed from taken;
  return claimed;
end $$;
comment on function private.claim_due_generations(integer) is
  'The generations that nobody looked at in time, each for one caller at once; the shape of private.find_work.';
