-- A batch of private.remove_old could become larger than asked for: the database may run a locking subquery once for each row.

create or replace function private.remove_old(kind text, keep_seconds bigint, batch_size integer) returns integer
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
  -- Materialized, since a locking subquery can be run again for each row and then find further ones. A counter that begins anew
  -- while it waits to be deleted stays: its age is asked for again.
  case kind
    when 'rate_limits' then
      with old as materialized (
        select e.bucket from public.rate_limits e where e.resets_at < v_before limit batch_size)
      delete from public.rate_limits t using old where t.bucket = old.bucket and t.resets_at < v_before;
    when 'auth_attempts' then
      with old as materialized (
        select e.bucket from public.auth_attempts e where e.drained_at < v_before limit batch_size for update skip locked)
      delete from public.auth_attempts t using old where t.bucket = old.bucket;
    when 'used_tokens' then
      with old as materialized (
        select e.digest from public.used_tokens e where e.used_at < v_before limit batch_size for update skip locked)
      delete from public.used_tokens t using old where t.digest = old.digest;
    when 'password_permits' then
      with old as materialized (
        select e.user_id from public.password_permits e where e.expires_at < v_before limit batch_size for update skip locked)
      delete from public.password_permits t using old where t.user_id = old.user_id;
    when 'anonymous_generations' then
      with old as materialized (
        select e.id from public.generations e where e.expires_at <= v_before limit batch_size for update skip locked)
      delete from public.generations t using old where t.id = old.id;
    when 'anonymous_usage' then
      with old as materialized (
        select e.day, e.client from public.anonymous_usage e where e.day < v_day limit batch_size for update skip locked)
      delete from public.anonymous_usage t using old where t.day = old.day and t.client = old.client;
    when 'uploads' then
      with old as materialized (
        select e.id from public.uploads e where e.generation_id is null and e.created_at < v_before limit batch_size for update skip locked)
      delete from public.uploads t using old where t.id = old.id;
    when 'idempotency_keys' then
      with old as materialized (
        select e.caller, e.operation, e.key from public.idempotency_keys e where e.created_at < v_before limit batch_size for update skip locked)
      delete from public.idempotency_keys t using old where t.caller = old.caller and t.operation = old.operation and t.key = old.key;
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
        select e.id from public.mail_outbox e where e.created_at < v_before limit batch_size for update skip locked)
      delete from public.mail_outbox t using old where t.id = old.id;
    when 'key_usage' then
      with old as materialized (
        select e.api_key_id, e.day from public.key_usage e where e.day < v_day limit batch_size for update skip locked)
      delete from public.key_usage t using old where t.api_key_id = old.api_key_id and t.day = old.day;
  end case;
  get diagnostics removed = row_count;
  return removed;
end $$;
