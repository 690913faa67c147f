-- What is over is removed by one function, a bounded batch at a time; how long each kind is kept is decided by the API, in one
-- list. It replaces a purge for each table, of which some were unbounded.

create index rate_limits_resets_at on public.rate_limits (resets_at);
create index generation_events_age on public.generation_events (created_at) where webhook_id is null;
create index mail_outbox_created_at on public.mail_outbox (created_at);
create index password_permits_expires_at on public.password_permits (expires_at);

drop function private.purge_attempts();
drop function private.purge_used_tokens();
drop function private.purge_generation_data(integer);
drop function private.remove_old_key_usage(integer, integer);

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
  perform private.as_service();
  -- The age is asked for again outside: a counter that begins anew in the meantime stays.
  case kind
    when 'rate_limits' then
      delete from public.rate_limits r where r.resets_at < v_before and r.bucket in (
        select e.bucket from public.rate_limits e where e.resets_at < v_before limit batch_size);
    when 'auth_attempts' then
      delete from public.auth_attempts a where a.drained_at < v_before and a.bucket in (
        select e.bucket from public.auth_attempts e where e.drained_at < v_before limit batch_size for update skip locked);
    when 'used_tokens' then
      delete from public.used_tokens t where t.digest in (
        select e.digest from public.used_tokens e where e.used_at < v_before limit batch_size for update skip locked);
    when 'password_permits' then
      delete from public.password_permits p where p.expires_at < v_before and p.user_id in (
        select e.user_id from public.password_permits e where e.expires_at < v_before limit batch_size for update skip locked);
    when 'anonymous_generations' then
      delete from public.generations g where g.id in (
        select e.id from public.generations e where e.expires_at <= v_before limit batch_size for update skip locked);
    when 'anonymous_usage' then
      delete from public.anonymous_usage u where (u.day, u.client) in (
        select e.day, e.client from public.anonymous_usage e where e.day < v_day limit batch_size for update skip locked);
    when 'uploads' then
      delete from public.uploads u where u.id in (
        select e.id from public.uploads e where e.generation_id is null and e.created_at < v_before
        limit batch_size for update skip locked);
    when 'idempotency_keys' then
      delete from public.idempotency_keys k where k.created_at < v_before and (k.caller, k.operation, k.key) in (
        select e.caller, e.operation, e.key from public.idempotency_keys e where e.created_at < v_before
        limit batch_size for update skip locked);
    when 'webhook_deliveries' then
      delete from public.generation_events v where v.id in (
        select e.id from public.generation_events e where e.webhook_id is not null and e.created_at < v_before
        limit batch_size for update skip locked);
    when 'generation_events' then
      delete from public.generation_events v where v.id in (
        select e.id from public.generation_events e where e.webhook_id is null and e.created_at < v_before
        limit batch_size for update skip locked);
    when 'mail' then
      delete from public.mail_outbox m where m.id in (
        select e.id from public.mail_outbox e where e.created_at < v_before limit batch_size for update skip locked);
    when 'key_usage' then
      delete from public.key_usage u where (u.api_key_id, u.day) in (
        select e.api_key_id, e.day from public.key_usage e where e.day < v_day limit batch_size for update skip locked);
  end case;
  get diagnostics removed = row_count;
  return removed;
end $$;
comment on function private.remove_old(text, bigint, integer) is
  'Removes at most batch_size rows of a kind that are older than keep_seconds, and returns how many. Safe to run twice at once.';
