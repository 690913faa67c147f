-- Rate limits. private.authorize chooses the limit of a request. The last expression of the same statement counts the request.
-- So the counter's row is locked only briefly, and no request waits for another one's work.

-- Half of each page stays free, so that a count is written beside its old version and no index changes.
create unlogged table private.rate_limits (
  bucket text primary key,
  used integer not null,
  resets_at timestamptz not null
) with (fillfactor = 50);
create index rate_limits_resets_at on private.rate_limits (resets_at);

comment on table private.rate_limits is
  'Requests of the current window of each bucket. Unlogged: counting costs no disk write, and after a crash all counts start '
  'at zero.';
comment on column private.rate_limits.bucket is 'A limit and its subject; an address only as a hash.';
comment on column private.rate_limits.used is 'Allowed requests in the window; refused ones do not count.';
comment on column private.rate_limits.resets_at is 'The end of the window. A later request begins the next one in the same row.';

create function private.limit_state(name text, allowed integer, used integer, seconds integer, resets_at timestamptz)
returns jsonb
language plpgsql stable set search_path = '' as $$
begin
  return jsonb_build_object('name', name, 'limit', allowed, 'remaining', greatest(0, allowed - used),
    'window', seconds, 'resets_in', greatest(1, ceil(extract(epoch from resets_at - now()))::integer));
end $$;
comment on function private.limit_state(text, integer, integer, integer, timestamptz) is
  'The state of a limit for the caller: {name, limit, remaining, window, resets_in}, the last two in seconds.';

create function private.announce_limit(name text, bucket text, allowed integer, seconds integer, credentials jsonb)
returns text
language plpgsql set search_path = '' as $$
#variable_conflict use_column
declare
  known private.rate_limits;
begin
  if allowed is null then
    return '';
  end if;
  -- A caller over the limit is refused before any work. If Redis counts, Redis decides.
  if credentials ->> 'counter' is distinct from 'redis' then
    select * into known from private.rate_limits r
    where r.bucket = announce_limit.bucket and r.resets_at > now() and r.used >= allowed;
    if known.bucket is not null then
      raise exception 'rate_limited' using
        detail = jsonb_build_object('rate_limit', private.limit_state(name, allowed, known.used, seconds, known.resets_at));
    end if;
  end if;
  return set_config('app.limit', concat_ws('|', name, bucket, allowed, seconds), true);
end $$;
comment on function private.announce_limit(text, text, integer, integer, jsonb) is
  'Stores the limit of the request in app.limit for this transaction, as name|bucket|limit|seconds; null means no limit. '
  'Errors: rate_limited (detail: private.limit_state).';

create function private.count_request(announced text) returns jsonb
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  part text[];
  allowed integer;
  seconds integer;
  counted integer;
  window_end timestamptz;
begin
  -- This request was already counted, by other rules.
  if starts_with(announced, '{') then
    return announced;
  end if;
  part := string_to_array(announced, '|');
  allowed := part[3];
  seconds := part[4];
  -- Most requests are neither the first of a window nor over the limit. An update costs less than an upsert.
  update private.rate_limits known set used = known.used + 1
  where known.bucket = part[2] and known.resets_at > now() and known.used < allowed
  returning used, resets_at into counted, window_end;
  if counted is null then
    window_end := to_timestamp((floor(extract(epoch from now()) / seconds) + 1) * seconds);
    insert into private.rate_limits as known (bucket, used, resets_at) values (part[2], 1, window_end)
    on conflict (bucket) do update
      set used = case when known.resets_at > now() then known.used + 1 else 1 end,
        resets_at = case when known.resets_at > now() then known.resets_at else excluded.resets_at end
      where known.resets_at <= now() or known.used < allowed
    returning used, resets_at into counted, window_end;
  end if;
  if counted is null then
    select resets_at into window_end from private.rate_limits known where known.bucket = part[2];
    raise exception 'rate_limited' using
      detail = jsonb_build_object('rate_limit', private.limit_state(part[1], allowed, allowed, seconds, window_end));
  end if;
  return private.limit_state(part[1], allowed, counted, seconds, window_end);
end $$;
comment on function private.count_request(text) is
  'Counts a request against the announced limit, in one statement under the row''s lock. A refusal also undoes the work of its '
  'transaction. A limit as JSON was counted before and is only returned. Windows begin at multiples of their length. Definer: '
  'the caller''s role has changed by then. Errors: rate_limited (detail: private.limit_state).';

create function private.take_requests(announced text, most integer) returns jsonb
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  part text[] := string_to_array(announced, '|');
  allowed integer := part[3];
  taken integer;
begin
  select greatest(1, least(most, (allowed - known.used) / 32)) into taken
  from private.rate_limits known where known.bucket = part[2] and known.resets_at > now() for update;
  if taken > 1 then
    update private.rate_limits known set used = known.used + taken - 1 where known.bucket = part[2];
  end if;
  return private.count_request(announced) || jsonb_build_object('taken', coalesce(taken, 1));
end $$;
comment on function private.take_requests(text, integer) is
  'Counts several requests for an instance, which answers the next ones without a count. It counts `most`, but at most a 32nd '
  'of the rest, and at least one. Returns the new state, with `taken`. Definer: as private.count_request. Errors: rate_limited '
  '(detail: private.limit_state).';

create function private.address_bucket(purpose text, project_id uuid, ip text) returns text
language plpgsql immutable set search_path = '' as $$
begin
  return private.bucket_name(purpose, coalesce(project_id::text, '') || ':' || coalesce(private.address_group(ip), 'unknown'));
end $$;
comment on function private.address_bucket(text, uuid, text) is
  'The bucket of a client address in a project. Callers with an unknown address share one.';

create function private.announce_auth_limit(credentials jsonb) returns void
language plpgsql set search_path = '' as $$
declare
  v_project uuid;
  allowed integer;
  announced text;
begin
  if exists (select from public.operator_keys k
    join public.users u on u.id = k.user_id and u.role = 'operator' and u.deactivated_at is null
    where k.key_hash = decode(credentials ->> 'operator_key_hash', 'hex') and k.revoked_at is null
      and (k.expires_at is null or k.expires_at > now()))
  then
    return;
  end if;
  select p.id, plan.auth_calls_per_hour into v_project, allowed
  from public.projects p
  join public.users owner on owner.id = p.owner_id
  left join public.plans plan on plan.id = coalesce(p.plan_id, owner.plan_id)
  where p.id = (credentials ->> 'project_id')::uuid and p.deleted_at is null;
  if v_project is null then
    select plan.auth_calls_per_hour into allowed from public.plans plan where plan.is_default;
  end if;
  announced := private.announce_limit('auth', private.address_bucket('auth', v_project, credentials ->> 'ip'), allowed, 3600,
    credentials);
end $$;
comment on function private.announce_auth_limit(jsonb) is
  'The limit of a login or registration. It counts before all other checks, by the project''s plan, or by the default plan if '
  'no project is named. Errors: rate_limited.';

alter table private.rate_limits enable row level security;

grant select, delete on private.rate_limits to service_role;
grant execute on function private.limit_state(text, integer, integer, integer, timestamptz) to service_role;
