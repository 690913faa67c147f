-- A generation that is canceled or deleted while nobody knows whether Replicate took it. Its webhook would tell, but can be
-- lost, so it leaves a task to look for the prediction in Replicate's list, and to cancel it.

alter table public.cleanup_tasks drop constraint cleanup_tasks_kind;
alter table public.cleanup_tasks add constraint cleanup_tasks_kind
  check (kind in ('uploads', 'generations', 'prediction', 'submission'));
comment on column public.cleanup_tasks.kind is
  'A bucket whose object goes; prediction: to be canceled at Replicate; submission: to be looked for there, and canceled.';
comment on column public.cleanup_tasks.target is 'Path of the object, id of the prediction, or when the submission was begun.';

create or replace function private.follow_generation() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if tg_op = 'INSERT' or new.status is distinct from old.status then
    insert into public.generation_events (generation_id, kind) values (new.id, new.status);
  end if;
  if tg_op = 'UPDATE' and old.charge = 'reserved' and new.charge = 'refunded' then
    update public.generation_usage usage set generations = usage.generations - 1
    where usage.project_id = new.project_id and usage.month = new.charged_month;
  end if;
  if tg_op = 'UPDATE' and new.status = 'canceled' and old.status = 'pending' and new.prediction_id is null
    and new.submission in ('submitting', 'unclear')
  then
    insert into public.cleanup_tasks (kind, target, generation_id) values ('submission', new.submitted_at::text, new.id);
  end if;
  return null;
end $$;
comment on function private.follow_generation() is
  'Trigger: records the new state, gives a refunded generation back to the quota in the same transaction, and remembers to look '
  'for a prediction that nobody waits for. Definer: whoever ends a generation need not hold these tables.';

create or replace function private.leave_generation() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if old.charge = 'reserved' then
    update public.generation_usage usage set generations = usage.generations - 1
    where usage.project_id = old.project_id and usage.month = old.charged_month;
  end if;
  insert into public.cleanup_tasks (kind, target, generation_id)
  select 'prediction', old.prediction_id, old.id
  where old.prediction_id is not null and old.status in ('pending', 'processing')
  union all
  select 'submission', old.submitted_at::text, old.id
  where old.prediction_id is null and old.status = 'pending' and old.submission in ('submitting', 'unclear')
  union all
  select 'uploads', file ->> 'path', old.id from jsonb_array_elements(old.example_images) file
  union all
  select 'generations', file ->> 'path', old.id from jsonb_array_elements(old.outputs) file;
  return null;
end $$;
comment on function private.leave_generation() is
  'Trigger: however a generation is deleted, also with its project or its owner, its running or unclear prediction and its files '
  'are remembered to go, and its charge is given back when it had not ended. Definer: whoever deletes need not hold these tables.';

create or replace function private.claim_cleanup_tasks(generation_id uuid, batch_size integer) returns jsonb
language plpgsql set search_path = '' as $$
declare
  claimed jsonb;
begin
  perform private.as_service();
  with due as (
    select t.id from public.cleanup_tasks t
    where case when claim_cleanup_tasks.generation_id is null then t.next_attempt_at <= now()
      else t.generation_id = claim_cleanup_tasks.generation_id end
    order by t.next_attempt_at
    limit batch_size
    for update skip locked
  ), taken as (
    update public.cleanup_tasks t
    set attempts = t.attempts + 1, next_attempt_at = now() + least(interval '1 minute' * 2 ^ least(t.attempts, 10), interval '1 day')
    from due where t.id = due.id
    returning t.id, t.kind, t.target, t.generation_id
  )
  select coalesce(jsonb_agg(to_jsonb(taken)), '[]') into claimed from taken;
  return claimed;
end $$;
comment on function private.claim_cleanup_tasks(uuid, integer) is
  'Tasks of one generation, or those that are due: [{id, kind, target, generation_id}]. Tried again later and later until '
  'private.end_cleanup_tasks.';
