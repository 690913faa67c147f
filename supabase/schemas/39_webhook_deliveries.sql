-- Events of a project on their way to its webhooks. A trigger writes each event into the log, in the transaction of the change.
-- The API claims waiting events, sends them and records the result.

create table public.webhook_deliveries (
  id uuid primary key default gen_random_uuid(),
  position bigint generated always as identity,
  webhook_id uuid not null references public.webhooks (id) on delete cascade,
  project_id uuid not null references public.projects (id) on delete cascade,
  event text not null,
  subject_id uuid not null,
  facts jsonb not null default '{}' constraint webhook_deliveries_facts_object check (jsonb_typeof(facts) = 'object'),
  once text,
  status text not null default 'waiting'
    constraint webhook_deliveries_status check (status in ('waiting', 'delivered', 'failed')),
  attempts integer not null default 0,
  next_attempt_at timestamptz not null default now(),
  response_status integer,
  error text constraint webhook_deliveries_error_length check (length(error) <= 500),
  occurred_at timestamptz not null default now(),
  finished_at timestamptz,
  constraint webhook_deliveries_finished_has_time check ((finished_at is null) = (status = 'waiting'))
);
create index webhook_deliveries_log on public.webhook_deliveries (webhook_id, position desc);
create index webhook_deliveries_waiting on public.webhook_deliveries (webhook_id, next_attempt_at) where status = 'waiting';
create index webhook_deliveries_turn on public.webhook_deliveries (webhook_id, subject_id, position) where status = 'waiting';
create unique index webhook_deliveries_once on public.webhook_deliveries (webhook_id, once) where once is not null;
create index webhook_deliveries_project_id on public.webhook_deliveries (project_id);
create index webhook_deliveries_occurred_at on public.webhook_deliveries (occurred_at);

comment on table public.webhook_deliveries is
  'Events for a webhook: the waiting ones, and the log of delivered and failed ones.';
comment on column public.webhook_deliveries.id is 'The header webhook-id: the same at every attempt.';
comment on column public.webhook_deliveries.position is 'Events about one subject are sent in this order.';
comment on column public.webhook_deliveries.webhook_id is 'The receiving webhook.';
comment on column public.webhook_deliveries.project_id is 'The project of the event.';
comment on column public.webhook_deliveries.event is 'The kind of event, such as generation.completed or test.';
comment on column public.webhook_deliveries.subject_id is 'The generation or account of the event, else the project.';
comment on column public.webhook_deliveries.facts is 'Data that cannot be read later, without personal data.';
comment on column public.webhook_deliveries.once is
  'An event with the same text is recorded only once, such as the quota of a month.';
comment on column public.webhook_deliveries.status is 'waiting, then delivered (2xx) or failed (given up).';
comment on column public.webhook_deliveries.attempts is 'Attempts since it was recorded or replayed.';
comment on column public.webhook_deliveries.next_attempt_at is
  'When it may be claimed. A claim moves this time forward, so a killed process loses nothing.';
comment on column public.webhook_deliveries.response_status is 'Status of the last answer, null without one.';
comment on column public.webhook_deliveries.error is 'Why the last attempt failed.';
comment on column public.webhook_deliveries.occurred_at is 'When it happened.';
comment on column public.webhook_deliveries.finished_at is 'When it was delivered or given up.';

create function private.announce_event(project_id uuid, event text, subject_id uuid, facts jsonb, once text) returns void
language plpgsql security definer set search_path = '' as $$
begin
  insert into public.webhook_deliveries (webhook_id, project_id, event, subject_id, facts, once)
  select w.id, w.project_id, announce_event.event, announce_event.subject_id, announce_event.facts, announce_event.once
  from public.webhooks w
  join public.projects p on p.id = w.project_id and p.deleted_at is null
  where w.project_id = announce_event.project_id and w.is_active and announce_event.event = any (w.events)
  on conflict do nothing;
end $$;
comment on function private.announce_event(uuid, text, uuid, jsonb, text) is
  'Records an event for every active webhook of the project that wants it. Definer: the caller may have no rights to these tables.';

create function private.on_generation_ended() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform private.announce_event(new.project_id, 'generation.' || new.status, new.id,
    jsonb_build_object('status', new.status, 'user_id', new.user_id), null);
  return null;
end $$;
comment on function private.on_generation_ended() is
  'Trigger: records the end of a generation. Definer: the caller may not call private.announce_event.';

create function private.on_end_user_changed() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if tg_op = 'INSERT' then
    perform private.announce_event(new.project_id, 'user.created', new.id, '{}', null);
  elsif tg_op = 'DELETE' then
    perform private.announce_event(old.project_id, 'user.deleted', old.id, '{}', null);
  else
    perform private.announce_event(new.project_id, 'user.verified', new.id, '{}', null);
  end if;
  return null;
end $$;
comment on function private.on_end_user_changed() is
  'Trigger: records that an end user was created, verified or deleted. Definer: the caller may not call private.announce_event.';

create function private.on_quota_used() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  allowed integer := (private.project_plan(new.project_id)).generations_per_month;
begin
  if new.generations >= allowed then
    perform private.announce_event(new.project_id, 'quota.reached', new.project_id,
      jsonb_build_object('month', new.month, 'limit', allowed), 'quota ' || new.month);
  end if;
  return null;
end $$;
comment on function private.on_quota_used() is
  'Trigger: records once a month that the last generation of the quota was used. Definer: the caller may not call '
  'private.announce_event.';

create function private.delivery_json(delivery jsonb) returns jsonb
language plpgsql stable set search_path = '' as $$
begin
  return (delivery - '{position,webhook_id,project_id,facts,once}'::text[])
    || jsonb_build_object('next_attempt_at', case when delivery ->> 'status' = 'waiting' then delivery -> 'next_attempt_at' end);
end $$;
comment on function private.delivery_json(jsonb) is 'A delivery as the API shows it.';

create function private.claim_deliveries(batch_size integer) returns jsonb
language plpgsql set search_path = '' as $$
declare
  claimed jsonb;
begin
  perform set_config('role', 'service_role', true);
  with recursive busy as (
    -- Jumps from webhook to webhook by the index, so a long backlog costs no more than a single event.
    (select d.webhook_id from public.webhook_deliveries d where d.status = 'waiting' order by d.webhook_id limit 1)
    union all
    select (select d.webhook_id from public.webhook_deliveries d
      where d.status = 'waiting' and d.webhook_id > busy.webhook_id order by d.webhook_id limit 1)
    from busy where busy.webhook_id is not null
  ), candidates as (
    select due.id, due.turn, due.next_attempt_at, w.failing_since is not null as is_failing
    from busy
    join public.webhooks w on w.id = busy.webhook_id and w.is_active
    join public.projects p on p.id = w.project_id and p.deleted_at is null
    cross join lateral (
      select d.id, d.next_attempt_at, row_number() over (order by d.next_attempt_at) as turn
      from public.webhook_deliveries d
      where d.webhook_id = w.id and d.status = 'waiting' and d.next_attempt_at <= now()
        and not exists (select from public.webhook_deliveries earlier
          where earlier.webhook_id = d.webhook_id and earlier.subject_id = d.subject_id and earlier.status = 'waiting'
            and earlier.position < d.position)
      order by d.next_attempt_at
      limit 5
    ) as due
  ), locked as (
    select d.id from public.webhook_deliveries d
    where d.id in (
        -- Receivers that answer go first, then each receiver's next event before any second one.
        select c.id from candidates c order by c.is_failing, c.turn, c.next_attempt_at limit batch_size)
      and d.status = 'waiting' and d.next_attempt_at <= now()
    for update skip locked
  ), taken as (
    update public.webhook_deliveries d set attempts = d.attempts + 1, next_attempt_at = now() + interval '1 minute'
    from locked where d.id = locked.id
    returning d.*
  )
  select coalesce(jsonb_agg(jsonb_build_object(
    'id', taken.id, 'event', taken.event, 'project_id', taken.project_id, 'subject_id', taken.subject_id, 'facts', taken.facts,
    'attempts', taken.attempts, 'occurred_at', taken.occurred_at, 'url', w.url,
    'secrets', case when w.previous_secret_ends_at > now() then jsonb_build_array(w.secret, w.previous_secret)
      else jsonb_build_array(w.secret) end,
    'generation', g.item,
    'user', case when u.id is not null then private.user_json(u) end) order by taken.position), '[]')
  into claimed
  from taken
  join public.webhooks w on w.id = taken.webhook_id
  left join private.generation_items g on g.id = taken.subject_id and taken.event like 'generation.%'
  left join public.users u on u.id = taken.subject_id and taken.event like 'user.%';
  return claimed;
end $$;
comment on function private.claim_deliveries(integer) is
  'Claims due events, each for one caller for a minute. Events about one subject come one after the other. Returns [{id, '
  'event, project_id, subject_id, facts, attempts, occurred_at, url, secrets, generation, user}]. The last two have their '
  'current state, or null if deleted.';

create function private.finish_delivery(delivery_id uuid, response_status integer) returns void
language plpgsql set search_path = '' as $$
declare
  webhook uuid;
begin
  perform set_config('role', 'service_role', true);
  update public.webhook_deliveries d
  set status = 'delivered', finished_at = now(), response_status = finish_delivery.response_status, error = null
  where d.id = finish_delivery.delivery_id and d.status = 'waiting'
  returning d.webhook_id into webhook;
  update public.webhooks w set failing_since = null where w.id = webhook and w.failing_since is not null;
end $$;
comment on function private.finish_delivery(uuid, integer) is 'Marks an event as delivered after the receiver answered 2xx.';

create function private.fail_delivery(
  delivery_id uuid, response_status integer, error text, wait_seconds integer, is_gone boolean) returns void
language plpgsql set search_path = '' as $$
declare
  webhook uuid;
begin
  perform set_config('role', 'service_role', true);
  update public.webhook_deliveries d
  set status = case when wait_seconds is null then 'failed' else 'waiting' end,
    finished_at = case when wait_seconds is null then now() end,
    next_attempt_at = now() + make_interval(secs => coalesce(wait_seconds, 0)),
    response_status = fail_delivery.response_status, error = left(fail_delivery.error, 500)
  where d.id = fail_delivery.delivery_id and d.status = 'waiting'
  returning d.webhook_id into webhook;
  update public.webhooks w
  set failing_since = coalesce(w.failing_since, now()),
    is_active = w.is_active and not must_end.now,
    disabled_at = case when w.is_active and must_end.now then now() else w.disabled_at end
  from (select is_gone or exists (select from public.webhooks failing
    where failing.id = webhook and failing.failing_since < now() - interval '3 days') as now) as must_end
  where w.id = webhook;
end $$;
comment on function private.fail_delivery(uuid, integer, text, integer, boolean) is
  'Records a failed delivery: it is due again after the wait, or has failed if wait is null. A receiver that answers 410, or '
  'fails for three days, is disabled.';

create trigger generations_announce after update on public.generations
  for each row when (new.project_id is not null and new.status is distinct from old.status
    and new.status in ('completed', 'failed', 'canceled'))
  execute function private.on_generation_ended();
create trigger users_announce after insert or delete on public.users
  for each row execute function private.on_end_user_changed();
create trigger users_announce_verified after update on public.users
  for each row when (old.email_verified_at is null and new.email_verified_at is not null)
  execute function private.on_end_user_changed();
create trigger generation_usage_announce after insert or update on public.generation_usage
  for each row execute function private.on_quota_used();

alter table public.webhook_deliveries enable row level security;
create policy webhook_deliveries_select_owner on public.webhook_deliveries for select to authenticated
  using (project_id = any ((select private.managed_project_ids())::uuid[]));

grant select on public.webhook_deliveries to authenticated;
grant select, insert, update, delete on public.webhook_deliveries to service_role;
grant execute on function private.delivery_json(jsonb) to authenticated, service_role;
