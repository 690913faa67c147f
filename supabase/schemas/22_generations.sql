-- A generation is one requested image: pending → processing → completed | failed | canceled, never backwards. It is charged to
-- its project's month when it is created. If it does not complete, it is refunded exactly once.

create table public.generations (
  id uuid primary key,
  project_id uuid references public.projects (id) on delete cascade,
  user_id uuid references public.users (id) on delete cascade,
  status text not null default 'pending'
    constraint generations_status check (status in ('pending', 'processing', 'completed', 'failed', 'canceled')),
  instructions text not null constraint generations_instructions_length check (length(instructions) between 1 and 1000),
  model text not null,
  options jsonb not null default '{}' constraint generations_options_object check (jsonb_typeof(options) = 'object'),
  example_images jsonb not null default '[]'
    constraint generations_example_images_array check (jsonb_typeof(example_images) = 'array'),
  outputs jsonb not null default '[]' constraint generations_outputs_array check (jsonb_typeof(outputs) = 'array'),
  is_public boolean not null default false,
  link_version integer not null default 1,
  error_code text,
  error text,
  charge text not null constraint generations_charge check (charge in ('reserved', 'committed', 'refunded')),
  charged_month date not null,
  prediction_id text,
  predict_seconds double precision constraint generations_predict_seconds_positive check (predict_seconds >= 0),
  submission text not null default 'waiting'
    constraint generations_submission check (submission in ('waiting', 'submitting', 'unclear', 'accepted')),
  submission_attempts integer not null default 0,
  next_check_at timestamptz,
  submitted_at timestamptz,
  completed_at timestamptz,
  expires_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint generations_owned_or_anonymous check (
    (project_id is null) = (user_id is null) and (project_id is null) = (expires_at is not null)),
  constraint generations_completed_has_output check (status <> 'completed' or jsonb_array_length(outputs) > 0),
  constraint generations_failed_says_why check (status not in ('failed', 'canceled') or num_nulls(error_code, error) = 0),
  constraint generations_final_has_time check ((completed_at is not null) = (status in ('completed', 'failed', 'canceled'))),
  constraint generations_final_is_settled check (
    (status in ('pending', 'processing') and charge = 'reserved')
    or (status = 'completed' and charge = 'committed')
    or (status = 'failed' and charge = 'refunded')
    or (status = 'canceled' and charge in ('committed', 'refunded')))
);
create unique index generations_prediction_id on public.generations (prediction_id) where prediction_id is not null;
create index generations_user_id on public.generations (user_id, created_at desc, id desc);
create index generations_project_id on public.generations (project_id, created_at desc, id desc);
create index generations_project_user on public.generations (project_id, user_id, created_at desc, id desc);
create index generations_public on public.generations (created_at desc, id desc)
  include (project_id) where is_public and status = 'completed';
create index generations_project_public on public.generations (project_id, created_at desc, id desc)
  where is_public and status = 'completed';
create index generations_expires_at on public.generations (expires_at) where expires_at is not null;
create index generations_running on public.generations (project_id) where status in ('pending', 'processing');
create index generations_due on public.generations (next_check_at) where next_check_at is not null;

comment on table public.generations is 'Requested images, with their state and the paths of their files.';
comment on column public.generations.id is 'Chosen by the API, since the paths of its files contain it.';
comment on column public.generations.project_id is 'The project whose quota it uses; null for anonymous ones.';
comment on column public.generations.user_id is 'The account that requested it; null for anonymous ones.';
comment on column public.generations.status is 'pending, processing, then completed, failed or canceled.';
comment on column public.generations.instructions is 'The prompt.';
comment on column public.generations.model is 'Model at Replicate, owner/name.';
comment on column public.generations.options is 'The options of the request, such as aspect_ratio.';
comment on column public.generations.example_images is
  'Uploaded pictures: [{path, content_type, bytes, width, height}], paths in bucket uploads.';
comment on column public.generations.outputs is
  'Results: [{path, content_type, bytes, width, height, sha256}], paths in bucket generations.';
comment on column public.generations.is_public is 'Whether everybody may see the result.';
comment on column public.generations.link_version is
  'Part of every signed URL of its pictures. Un-publishing raises it, so that older URLs become invalid.';
comment on column public.generations.error_code is 'The reason why it has no picture, as a code.';
comment on column public.generations.error is 'The reason why it has no picture, as a sentence.';
comment on column public.generations.charge is
  'reserved while it runs; committed when it completes or is canceled beyond private.cancel_limit; else refunded.';
comment on column public.generations.charged_month is 'First day of the UTC month whose quota it uses.';
comment on column public.generations.prediction_id is 'The prediction at Replicate.';
comment on column public.generations.predict_seconds is 'Replicate''s metrics.predict_time, which Replicate bills.';
comment on column public.generations.submission is
  'waiting: not sent. submitting: one request is running. unclear: sent without an answer, and never sent again. accepted: '
  'prediction_id is known.';
comment on column public.generations.submission_attempts is 'The number of requests to Replicate that were begun.';
comment on column public.generations.next_check_at is 'When the reconciler checks it next; null when it is final.';
comment on column public.generations.submitted_at is 'When the last request to Replicate was begun.';
comment on column public.generations.completed_at is 'When it became completed, failed or canceled.';
comment on column public.generations.expires_at is 'When it is deleted with its files. Only anonymous ones expire.';
comment on column public.generations.created_at is 'When it was requested.';
comment on column public.generations.updated_at is 'When it last changed.';

create table public.generation_events (
  id bigint generated always as identity primary key,
  generation_id uuid not null references public.generations (id) on delete cascade,
  kind text not null,
  webhook_id text,
  created_at timestamptz not null default now()
);
create unique index generation_events_webhook_id on public.generation_events (webhook_id);
create index generation_events_generation_id on public.generation_events (generation_id, id);
create index generation_events_webhook_age on public.generation_events (created_at) where webhook_id is not null;
create index generation_events_age on public.generation_events (created_at) where webhook_id is null;
-- Events are stored in the order of time, so a few pages contain the last hour.
create index generation_events_created_at on public.generation_events using brin (created_at)
  with (pages_per_range = 16, autosummarize = on);

comment on table public.generation_events is 'The history of a generation, in order: its states and the accepted webhooks.';
comment on column public.generation_events.id is 'Grows in the order of the events.';
comment on column public.generation_events.generation_id is 'The generation of the event.';
comment on column public.generation_events.kind is 'A state of the generation, or webhook.';
comment on column public.generation_events.webhook_id is
  'Replicate''s id of the delivery. A second delivery with it is a duplicate.';
comment on column public.generation_events.created_at is 'When it happened.';

create function private.cancel_limit(quota integer) returns integer
language plpgsql immutable set search_path = '' as $$
begin
  return case when quota is not null then greatest(3, quota / 10) end;
end $$;
comment on function private.cancel_limit(integer) is
  'How many cancels after sending are refunded in a month, since sent requests cost money. Null without a quota.';

create function private.sent_limit(quota integer) returns integer
language plpgsql immutable set search_path = '' as $$
begin
  return 2 * quota + 10;
end $$;
comment on function private.sent_limit(integer) is
  'How many generations may be sent to the provider within a quota, failed ones included. Null without a quota.';

create function private.take_cancel(project_id uuid, month date) returns boolean
language plpgsql set search_path = '' as $$
declare
  quota integer := (private.project_plan(project_id)).generations_per_month;
begin
  update public.generation_usage usage set canceled = usage.canceled + 1
  where usage.project_id = take_cancel.project_id and usage.month = take_cancel.month
    and (quota is null or usage.canceled < private.cancel_limit(quota));
  return found;
end $$;
comment on function private.take_cancel(uuid, date) is
  'Counts a cancel of a sent generation. False if the month has none left; the generation then stays charged.';

-- row_to_json takes half the time of json_build_object, which looks up the type of each field again.
create view private.generation_items with (security_invoker = true) as
select g.id, g.project_id, g.user_id, g.status, g.is_public, g.created_at,
  (select row_to_json(item) from (select g.id, g.status, g.instructions, g.model, g.example_images, g.outputs, g.is_public,
    g.link_version, g.error, g.error_code, g.charge <> 'refunded' as charged, g.created_at, g.updated_at, g.completed_at) as item) as item
from public.generations g;
comment on view private.generation_items is
  'item is a generation with paths of files, which the API turns into URLs. The other columns are for filters.';

create function private.check_generation_update() returns trigger
language plpgsql set search_path = '' as $$
begin
  if old.status in ('completed', 'failed', 'canceled') and (new.status, new.outputs, new.charge, new.error_code)
    is distinct from (old.status, old.outputs, old.charge, old.error_code)
    or old.status = 'processing' and new.status = 'pending'
    or old.prediction_id is not null and new.prediction_id is distinct from old.prediction_id
  then
    raise exception 'generation_state_conflict' using
      hint = 'pending, processing, then completed, failed or canceled, and never back. To end one: POST /api/v1/generation/{id}/cancel.';
  end if;
  new.updated_at := now();
  return new;
end $$;
comment on function private.check_generation_update() is
  'Trigger: a generation never goes back to an earlier status, and never changes once it is final.';

create function private.on_generation_changed() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if tg_op = 'INSERT' or new.status is distinct from old.status then
    insert into public.generation_events (generation_id, kind) values (new.id, new.status);
  end if;
  -- A refusal that is certain releases the lease, because no prediction was created.
  if tg_op = 'UPDATE' and (old.submission = 'waiting') is distinct from (new.submission = 'waiting') then
    update public.generation_usage usage set sent = usage.sent + case when old.submission = 'waiting' then 1 else -1 end
    where usage.project_id = new.project_id and usage.month = new.charged_month;
    update private.user_usage usage set sent = usage.sent + case when old.submission = 'waiting' then 1 else -1 end
    where usage.user_id = new.user_id and usage.day = (new.created_at at time zone 'utc')::date;
  end if;
  if tg_op = 'UPDATE' and old.charge = 'reserved' and new.charge = 'refunded' then
    update public.generation_usage usage set generations = usage.generations - 1
    where usage.project_id = new.project_id and usage.month = new.charged_month;
    perform private.return_user_quota(new, new.status = 'canceled' and new.submission <> 'waiting');
  end if;
  if tg_op = 'UPDATE' and new.status = 'canceled' and old.status = 'pending' and new.prediction_id is null
    and new.submission in ('submitting', 'unclear')
  then
    insert into private.cleanup_tasks (kind, target, generation_id) values ('submission', new.submitted_at::text, new.id);
  end if;
  return null;
end $$;
comment on function private.on_generation_changed() is
  'Trigger: records the new state, counts sent generations, and returns refunded ones to the quota, in the same transaction. '
  'For a canceled generation with an unclear outcome, it queues a search for the prediction. Definer: the caller may have no '
  'rights to these tables.';

create function private.on_generation_deleted() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if old.charge = 'reserved' and (old.submission = 'waiting' or private.take_cancel(old.project_id, old.charged_month)) then
    update public.generation_usage usage set generations = usage.generations - 1
    where usage.project_id = old.project_id and usage.month = old.charged_month;
    perform private.return_user_quota(old, old.submission <> 'waiting');
  end if;
  insert into private.cleanup_tasks (kind, target, generation_id)
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
comment on function private.on_generation_deleted() is
  'Trigger, for every way to delete a generation: queues the cancel of its prediction and the removal of its files. If it had '
  'not ended, it is refunded as a cancel is. Definer: the caller may have no rights to these tables.';

create trigger generations_deleted after delete on public.generations
  for each row execute function private.on_generation_deleted();
create trigger generations_check before update on public.generations
  for each row execute function private.check_generation_update();
create trigger generations_changed after insert or update on public.generations
  for each row execute function private.on_generation_changed();

alter table public.generations enable row level security;
alter table public.generation_events enable row level security;
create policy generations_select_self_or_owner on public.generations for select to authenticated
  using ((user_id = (select private.actor_id()) and project_id = (select private.actor_project_id()))
    or project_id = any ((select private.managed_project_ids())::uuid[]));

grant select (id, project_id, user_id, status, instructions, model, options, example_images, outputs, is_public,
  link_version, error_code, error, charge, charged_month, completed_at, created_at, updated_at)
  on public.generations to authenticated;
grant select, insert, update, delete on public.generations, public.generation_events to service_role;
grant select on private.generation_items to authenticated, service_role;
grant execute on function
  private.cancel_limit(integer),
  private.sent_limit(integer),
  private.take_cancel(uuid, date)
to service_role;
