-- The pipeline submits a generation once and ends it once. Each step decides in one statement, so two workers, a repeated
-- webhook or a killed process change nothing twice.

create function private.claim_submission(id uuid, lease_seconds integer) returns jsonb
language plpgsql set search_path = '' as $$
declare
  claimed public.generations;
begin
  perform set_config('role', 'service_role', true);
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
  'Takes the only lease for sending a generation to Replicate. Null if it is taken or the generation was sent.';

create function private.record_submission(id uuid, prediction_id text) returns text
language plpgsql set search_path = '' as $$
declare
  v_status text;
begin
  perform set_config('role', 'service_role', true);
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
  -- The generation ended or was deleted during the request, so its prediction is canceled.
  insert into private.cleanup_tasks (kind, target, generation_id)
  values ('prediction', record_submission.prediction_id, record_submission.id);
  return 'unwanted';
end $$;
comment on function private.record_submission(uuid, text) is
  'Records the accepted prediction: running, or unwanted if the generation has ended or was deleted. In the second case its '
  'cancel is queued.';

create function private.release_submission(id uuid, outcome text, wait_seconds integer) returns void
language plpgsql set search_path = '' as $$
begin
  perform set_config('role', 'service_role', true);
  update public.generations g
  set submission = outcome, next_check_at = now() + make_interval(secs => wait_seconds)
  where g.id = release_submission.id and g.status = 'pending' and g.submission in ('submitting', 'unclear');
end $$;
comment on function private.release_submission(uuid, text, integer) is
  'Records a request without a known prediction: waiting (refused, send again after the wait) or unclear (never send again).';

create function private.record_webhook(id uuid, webhook_id text) returns text
language plpgsql set search_path = '' as $$
#variable_conflict use_column
begin
  perform set_config('role', 'service_role', true);
  insert into public.generation_events (generation_id, kind, webhook_id)
  select g.id, 'webhook', record_webhook.webhook_id from public.generations g where g.id = record_webhook.id
  on conflict (webhook_id) do nothing;
  return case
    when found then 'taken'
    when exists (select from public.generations g where g.id = record_webhook.id) then 'seen'
    else 'gone' end;
end $$;
comment on function private.record_webhook(uuid, text) is
  'Returns taken (process the webhook), seen (a duplicate) or gone (the generation was deleted).';

create function private.get_generation_work(id uuid) returns jsonb
language plpgsql set search_path = '' as $$
begin
  perform set_config('role', 'service_role', true);
  return (
    select jsonb_build_object('id', g.id, 'project_id', g.project_id, 'status', g.status, 'submission', g.submission,
      'prediction_id', g.prediction_id, 'submitted_at', g.submitted_at, 'created_at', g.created_at)
    from public.generations g where g.id = get_generation_work.id
  );
end $$;
comment on function private.get_generation_work(uuid) is
  'The progress of a generation: {id, project_id, status, submission, prediction_id, submitted_at, created_at}, or null.';

create function private.find_generation_states(ids jsonb) returns jsonb
language plpgsql set search_path = '' as $$
begin
  perform set_config('role', 'service_role', true);
  return (
    select coalesce(jsonb_agg(jsonb_build_object('id', g.id, 'status', g.status, 'prediction_id', g.prediction_id,
      'processing_at', (select min(e.created_at) from public.generation_events e
        where e.generation_id = g.id and e.kind = 'processing'))), '[]')
    from public.generations g where g.id in (select value::uuid from jsonb_array_elements_text(ids)));
end $$;
comment on function private.find_generation_states(jsonb) is
  'The status of each existing generation: [{id, status, prediction_id, processing_at}]. For long polls and streams, which '
  'read the generation afterwards.';

create function private.complete_generation(id uuid, outputs jsonb, predict_seconds double precision) returns boolean
language plpgsql set search_path = '' as $$
begin
  perform set_config('role', 'service_role', true);
  update public.generations g
  set status = 'completed', outputs = complete_generation.outputs, charge = 'committed',
    predict_seconds = complete_generation.predict_seconds, completed_at = now(), next_check_at = null
  where g.id = complete_generation.id and g.status in ('pending', 'processing');
  return found;
end $$;
comment on function private.complete_generation(uuid, jsonb, double precision) is
  'Completes a generation whose pictures are in Storage. False if it had ended before.';

create function private.fail_generation(
  id uuid, error_code text, error text, status text, predict_seconds double precision) returns boolean
language plpgsql set search_path = '' as $$
begin
  perform set_config('role', 'service_role', true);
  update public.generations g
  set status = fail_generation.status, error_code = fail_generation.error_code, error = fail_generation.error,
    predict_seconds = fail_generation.predict_seconds, charge = 'refunded', completed_at = now(), next_check_at = null
  where g.id = fail_generation.id and g.status in ('pending', 'processing');
  return found;
end $$;
comment on function private.fail_generation(uuid, text, text, text, double precision) is
  'Ends a generation as failed or canceled, and refunds it. False if it had ended before.';

create function private.claim_due_generations(batch_size integer) returns jsonb
language plpgsql set search_path = '' as $$
declare
  claimed jsonb;
begin
  perform set_config('role', 'service_role', true);
  with due as (
    select g.id from public.generations g
    where g.next_check_at <= now()
    order by g.next_check_at
    limit batch_size
    for update skip locked
  ), taken as (
    update public.generations g
    set next_check_at = now() + interval '1 minute',
      -- The lease has expired: the request may have reached Replicate, so it is never sent again.
      submission = case when g.submission = 'submitting' then 'unclear' else g.submission end
    from due where g.id = due.id
    returning g.id, g.project_id, g.status, g.submission, g.prediction_id, g.submitted_at, g.created_at
  )
  select coalesce(jsonb_agg(to_jsonb(taken)), '[]') into claimed from taken;
  return claimed;
end $$;
comment on function private.claim_due_generations(integer) is
  'Claims generations whose check is due, each for one caller at a time, in the form of private.get_generation_work.';
