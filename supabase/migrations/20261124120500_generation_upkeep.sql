-- What the reconciler does besides running generations: cleanup tasks, expiry, orphan files, pruning. Each function is
-- one claim or one bounded delete, safe to run twice at once.

create table public.job_runs (
  name text primary key,
  ran_at timestamptz not null default now()
);
comment on table public.job_runs is 'When a job that does not run each minute ran last.';
comment on column public.job_runs.name is 'Which job.';
comment on column public.job_runs.ran_at is 'When it was last begun.';

create function private.claim_job(name text, every_seconds integer) returns boolean
language plpgsql set search_path = '' as $$
#variable_conflict use_column
begin
  perform private.as_service();
  insert into public.job_runs as run (name) values (claim_job.name)
  on conflict (name) do update set ran_at = now()
    where run.ran_at <= now() - make_interval(secs => every_seconds);
  return found;
end $$;
comment on function private.claim_job(text, integer) is 'True for one caller in each period.';

create function private.claim_cleanup_tasks(generation_id uuid, batch_size integer) returns jsonb
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
    returning t.id, t.kind, t.target
  )
  select coalesce(jsonb_agg(to_jsonb(taken)), '[]') into claimed from taken;
  return claimed;
end $$;
comment on function private.claim_cleanup_tasks(uuid, integer) is
  'Tasks of one generation, or those that are due: [{id, kind, target}]. Tried again later and later until private.end_cleanup_tasks.';

create function private.end_cleanup_tasks(ids jsonb) returns void
language plpgsql set search_path = '' as $$
begin
  perform private.as_service();
  delete from public.cleanup_tasks t where t.id in (select value::bigint from jsonb_array_elements_text(ids));
end $$;
comment on function private.end_cleanup_tasks(jsonb) is 'They are done.';

create function private.collect_orphan_files(batch_size integer) returns integer
language plpgsql set search_path = '' as $$
declare
  collected integer;
begin
  perform private.as_service();
  with files as (
    select object.bucket_id, object.name,
      case when split_part(object.name, '/', 2) ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
        then split_part(object.name, '/', 2)::uuid end as owner_id
    from storage.objects object
    where object.bucket_id in ('uploads', 'generations') and object.created_at < now() - interval '1 hour'
  )
  insert into public.cleanup_tasks (kind, target, generation_id, next_attempt_at)
  select files.bucket_id, files.name, coalesce(files.owner_id, '00000000-0000-0000-0000-000000000000'), now()
  from files
  where not exists (select from public.generations g where g.id = files.owner_id)
    and not exists (select from public.uploads u where u.id = files.owner_id)
    and not exists (select from public.cleanup_tasks t
      where t.generation_id = files.owner_id and t.kind = files.bucket_id and t.target = files.name)
  limit batch_size;
  get diagnostics collected = row_count;
  return collected;
end $$;
comment on function private.collect_orphan_files(integer) is
  'Files older than an hour whose generation or upload is not there (a process died between the file and the row) become '
  'cleanup tasks. Returns how many.';

create function private.purge_generation_data(batch_size integer) returns jsonb
language plpgsql set search_path = '' as $$
declare
  expired integer;
  uploads integer;
  keys integer;
  webhooks integer;
begin
  perform private.as_service();
  delete from public.generations g where g.id in (
    select e.id from public.generations e where e.expires_at <= now() limit batch_size for update skip locked);
  get diagnostics expired = row_count;
  delete from public.uploads u where u.id in (
    select e.id from public.uploads e where e.generation_id is null and e.created_at < now() - interval '3 hours'
    limit batch_size for update skip locked);
  get diagnostics uploads = row_count;
  delete from public.idempotency_keys k where (k.caller, k.operation, k.key) in (
    select e.caller, e.operation, e.key from public.idempotency_keys e where e.created_at < now() - interval '24 hours'
    limit batch_size for update skip locked);
  get diagnostics keys = row_count;
  -- A delivery older than five minutes is refused by its signature, so its id is not needed for long.
  delete from public.generation_events event where event.id in (
    select e.id from public.generation_events e where e.webhook_id is not null and e.created_at < now() - interval '7 days'
    limit batch_size for update skip locked);
  get diagnostics webhooks = row_count;
  delete from public.anonymous_usage usage where usage.day < (now() at time zone 'utc')::date - 2;
  return jsonb_build_object('expired', expired, 'uploads', uploads, 'keys', keys, 'webhooks', webhooks);
end $$;
comment on function private.purge_generation_data(integer) is
  'Deletes what is over: expired anonymous generations, unused uploads, idempotency keys after 24 hours, webhook ids after '
  'seven days, counts of anonymous use. Returns how many of each.';

alter table public.job_runs enable row level security;
grant select, insert, update, delete on public.job_runs to service_role;
