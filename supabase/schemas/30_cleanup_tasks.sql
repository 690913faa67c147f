-- Tasks that remove files from Storage or cancel predictions at Replicate. Each function is one claim or one bounded delete.
-- Two runs at the same time do no harm.

create table private.cleanup_tasks (
  id bigint generated always as identity primary key,
  kind text not null constraint cleanup_tasks_kind
    check (kind in ('uploads', 'generations', 'prediction', 'submission')),
  target text not null,
  generation_id uuid not null,
  attempts integer not null default 0,
  next_attempt_at timestamptz not null default now() + interval '1 minute',
  created_at timestamptz not null default now()
);
create index cleanup_tasks_due on private.cleanup_tasks (next_attempt_at);
create index cleanup_tasks_generation_id on private.cleanup_tasks (generation_id);

comment on table private.cleanup_tasks is
  'Tasks outside the database after a generation was deleted or canceled. Written in the same transaction, so none is lost.';
comment on column private.cleanup_tasks.id is 'Grows with time.';
comment on column private.cleanup_tasks.kind is
  'The name of a bucket: delete an object. prediction: cancel it at Replicate. submission: search for it there and cancel it.';
comment on column private.cleanup_tasks.target is
  'The path of the object, the id of the prediction, or the time of the submission.';
comment on column private.cleanup_tasks.generation_id is 'The generation of the task. It may no longer exist.';
comment on column private.cleanup_tasks.attempts is 'The number of attempts.';
comment on column private.cleanup_tasks.next_attempt_at is
  'When the reconciler takes the task, unless the request has done it by then.';
comment on column private.cleanup_tasks.created_at is 'When the task was written.';

create function private.claim_cleanup_tasks(generation_id uuid, batch_size integer) returns jsonb
language plpgsql set search_path = '' as $$
declare
  claimed jsonb;
begin
  perform set_config('role', 'service_role', true);
  with due as (
    select t.id from private.cleanup_tasks t
    where case when claim_cleanup_tasks.generation_id is null then t.next_attempt_at <= now()
      else t.generation_id = claim_cleanup_tasks.generation_id end
    order by t.next_attempt_at
    limit batch_size
    for update skip locked
  ), taken as (
    update private.cleanup_tasks t
    set attempts = t.attempts + 1, next_attempt_at = now() + least(interval '1 minute' * 2 ^ least(t.attempts, 10), interval '1 day')
    from due where t.id = due.id
    returning t.id, t.kind, t.target, t.generation_id
  )
  select coalesce(jsonb_agg(to_jsonb(taken)), '[]') into claimed from taken;
  return claimed;
end $$;
comment on function private.claim_cleanup_tasks(uuid, integer) is
  'Claims the tasks of one generation, or all due ones: [{id, kind, target, generation_id}]. They are retried with growing '
  'pauses until private.end_cleanup_tasks.';

create function private.end_cleanup_tasks(ids jsonb) returns void
language plpgsql set search_path = '' as $$
begin
  perform set_config('role', 'service_role', true);
  delete from private.cleanup_tasks t where t.id in (select value::bigint from jsonb_array_elements_text(ids));
end $$;
comment on function private.end_cleanup_tasks(jsonb) is 'Deletes tasks that are done.';

create function private.queue_orphan_files(batch_size integer) returns integer
language plpgsql set search_path = '' as $$
declare
  collected integer;
begin
  perform set_config('role', 'service_role', true);
  with files as (
    select object.bucket_id, object.name,
      case when split_part(object.name, '/', 2) ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
        then split_part(object.name, '/', 2)::uuid end as owner_id
    from storage.objects object
    where object.bucket_id in ('uploads', 'generations') and object.created_at < now() - interval '1 hour'
  )
  insert into private.cleanup_tasks (kind, target, generation_id, next_attempt_at)
  select files.bucket_id, files.name, coalesce(files.owner_id, '00000000-0000-0000-0000-000000000000'), now()
  from files
  where not exists (select from public.generations g where g.id = files.owner_id)
    and not exists (select from public.uploads u where u.id = files.owner_id)
    and not exists (select from private.cleanup_tasks t
      where t.generation_id = files.owner_id and t.kind = files.bucket_id and t.target = files.name)
  limit batch_size;
  get diagnostics collected = row_count;
  return collected;
end $$;
comment on function private.queue_orphan_files(integer) is
  'Makes orphaned files older than an hour into cleanup tasks, and returns how many. A file is orphaned if a process died '
  'before it inserted the row.';

create function private.remove_old(kind text, keep_seconds bigint, batch_size integer) returns integer
language plpgsql set search_path = '' as $$
#variable_conflict use_column
declare
  v_before timestamptz := now() - make_interval(secs => keep_seconds);
  v_day date := (v_before at time zone 'utc')::date;
  removed integer;
begin
  if kind = 'audit_events' then
    return private.remove_old_audit_events((keep_seconds / 86400)::integer, batch_size);
  end if;
  perform set_config('role', 'service_role', true);
  -- Materialized, because a locking subquery may run again for each row and find more rows. The age is checked again, so a
  -- counter that starts a new window in the meantime stays.
  case kind
    when 'rate_limits' then
      with old as materialized (
        select e.bucket from private.rate_limits e where e.resets_at < v_before limit batch_size)
      delete from private.rate_limits t using old where t.bucket = old.bucket and t.resets_at < v_before;
    when 'auth_attempts' then
      with old as materialized (
        select e.bucket from private.auth_attempts e where e.drained_at < v_before limit batch_size for update skip locked)
      delete from private.auth_attempts t using old where t.bucket = old.bucket;
    when 'mail_tokens' then
      with old as materialized (
        select e.digest from private.mail_tokens e where e.expires_at < v_before limit batch_size for update skip locked)
      delete from private.mail_tokens t using old where t.digest = old.digest;
    when 'email_changes' then
      with old as materialized (
        select e.user_id from private.email_changes e where e.expires_at < v_before limit batch_size for update skip locked)
      delete from private.email_changes t using old where t.user_id = old.user_id and t.expires_at < v_before;
    when 'project_transfers' then
      with old as materialized (
        select e.id from public.project_transfers e where e.expires_at < v_before limit batch_size for update skip locked)
      delete from public.project_transfers t using old where t.id = old.id;
    when 'password_permits' then
      with old as materialized (
        select e.user_id from private.password_permits e where e.expires_at < v_before limit batch_size for update skip locked)
      delete from private.password_permits t using old where t.user_id = old.user_id;
    when 'anonymous_generations' then
      with old as materialized (
        select e.id from public.generations e where e.expires_at <= v_before limit batch_size for update skip locked)
      delete from public.generations t using old where t.id = old.id;
    when 'anonymous_usage' then
      with old as materialized (
        select e.day, e.client from private.anonymous_usage e where e.day < v_day limit batch_size for update skip locked)
      delete from private.anonymous_usage t using old where t.day = old.day and t.client = old.client;
    when 'user_usage' then
      with old as materialized (
        select e.user_id, e.day from private.user_usage e where e.day < v_day limit batch_size for update skip locked)
      delete from private.user_usage t using old where t.user_id = old.user_id and t.day = old.day;
    when 'uploads' then
      with old as materialized (
        select e.id from public.uploads e where e.generation_id is null and e.created_at < v_before limit batch_size for update skip locked)
      delete from public.uploads t using old where t.id = old.id;
    when 'idempotency_keys' then
      with old as materialized (
        select e.caller, e.operation, e.key from private.idempotency_keys e where e.created_at < v_before limit batch_size for update skip locked)
      delete from private.idempotency_keys t using old where t.caller = old.caller and t.operation = old.operation and t.key = old.key;
    when 'webhook_deliveries' then
      with old as materialized (
        select e.id from public.generation_events e where e.webhook_id is not null and e.created_at < v_before limit batch_size for update skip locked)
      delete from public.generation_events t using old where t.id = old.id;
    when 'generation_events' then
      with old as materialized (
        select e.id from public.generation_events e where e.webhook_id is null and e.created_at < v_before limit batch_size for update skip locked)
      delete from public.generation_events t using old where t.id = old.id;
    when 'mail' then
      with old as materialized (
        select e.id from private.mail_outbox e where e.created_at < v_before limit batch_size for update skip locked)
      delete from private.mail_outbox t using old where t.id = old.id;
    when 'webhook_log' then
      with old as materialized (
        select e.id from public.webhook_deliveries e where e.occurred_at < v_before limit batch_size for update skip locked)
      delete from public.webhook_deliveries t using old where t.id = old.id;
    when 'key_usage' then
      with old as materialized (
        select e.api_key_id, e.day from public.key_usage e where e.day < v_day limit batch_size for update skip locked)
      delete from public.key_usage t using old where t.api_key_id = old.api_key_id and t.day = old.day;
  end case;
  get diagnostics removed = row_count;
  return removed;
end $$;
comment on function private.remove_old(text, bigint, integer) is
  'Removes at most batch_size rows of a kind that are older than keep_seconds, and returns how many. Two runs at a time do no '
  'harm.';

alter table private.cleanup_tasks enable row level security;

grant select, insert, update, delete on private.cleanup_tasks to service_role;
