-- The life of API keys after their creation: use, rotation, revocation. Requests are counted in the memory of each isolate
-- and arrive here in batches, so that no request waits for a row and no row is written by every request.

create table public.key_usage (
  api_key_id uuid not null references public.api_keys (id) on delete cascade,
  day date not null,
  requests integer not null default 0 constraint key_usage_requests_positive check (requests >= 0),
  errors integer not null default 0 constraint key_usage_errors_positive check (errors >= 0),
  primary key (api_key_id, day)
);
create index key_usage_day on public.key_usage (day);

comment on table public.key_usage is 'Requests that named an API key, per UTC day. Written in batches, some seconds late.';
comment on column public.key_usage.api_key_id is 'The key that the requests named.';
comment on column public.key_usage.day is 'The UTC day.';
comment on column public.key_usage.requests is 'All requests, the refused ones too.';
comment on column public.key_usage.errors is 'Those of them that were answered with a status of 400 or more.';

alter table public.key_usage enable row level security;
grant select, insert, update, delete on public.key_usage to service_role;

create function private.record_key_usage(batch jsonb) returns void
language plpgsql set search_path = '' as $$
begin
  perform private.as_service();
  -- Always in the order of the keys, so that two isolates never wait for each other in a circle.
  insert into public.key_usage as usage (api_key_id, day, requests, errors)
  select k.id, entry.day, entry.requests, entry.errors
  from jsonb_to_recordset(batch) as entry (kind text, key_hash text, day date, requests integer, errors integer)
  join public.api_keys k on k.key_hash = decode(entry.key_hash, 'hex')
  where entry.kind = 'api_key'
  order by k.id, entry.day
  on conflict (api_key_id, day) do update
  set requests = usage.requests + excluded.requests, errors = usage.errors + excluded.errors;

  -- A row that somebody else is writing is left out: it gets the same minute from there.
  with used as (
    select decode(entry.key_hash, 'hex') as key_hash, max(entry.used_at) as used_at
    from jsonb_to_recordset(batch) as entry (kind text, key_hash text, used_at timestamptz)
    where entry.kind = 'api_key' group by entry.key_hash
  ), stale as (
    select k.id, used.used_at from public.api_keys k join used on used.key_hash = k.key_hash
    where k.last_used_at is null or k.last_used_at < used.used_at - interval '1 minute'
    for update of k skip locked
  )
  update public.api_keys k set last_used_at = stale.used_at from stale where k.id = stale.id;

  with used as (
    select decode(entry.key_hash, 'hex') as key_hash, max(entry.used_at) as used_at
    from jsonb_to_recordset(batch) as entry (kind text, key_hash text, used_at timestamptz)
    where entry.kind = 'developer_key' group by entry.key_hash
  ), stale as (
    select k.id, used.used_at from public.developer_keys k join used on used.key_hash = k.key_hash
    where k.last_used_at is null or k.last_used_at < used.used_at - interval '1 minute'
    for update of k skip locked
  )
  update public.developer_keys k set last_used_at = stale.used_at from stale where k.id = stale.id;

  with used as (
    select decode(entry.key_hash, 'hex') as key_hash, max(entry.used_at) as used_at
    from jsonb_to_recordset(batch) as entry (kind text, key_hash text, used_at timestamptz)
    where entry.kind = 'operator_key' group by entry.key_hash
  ), stale as (
    select k.id, used.used_at from public.operator_keys k join used on used.key_hash = k.key_hash
    where k.last_used_at is null or k.last_used_at < used.used_at - interval '1 minute'
    for update of k skip locked
  )
  update public.operator_keys k set last_used_at = stale.used_at from stale where k.id = stale.id;
end $$;
comment on function private.record_key_usage(jsonb) is
  'What one isolate counted: [{kind, key_hash, day, requests, errors, used_at}]. Kind is api_key, developer_key or operator_key; '
  'hashes of no key are ignored. last_used_at moves at most once a minute.';

create function private.remove_old_key_usage(days integer, batch_size integer) returns integer
language plpgsql set search_path = '' as $$
declare
  removed integer;
begin
  perform private.as_service();
  delete from public.key_usage usage using (
    select u.api_key_id, u.day from public.key_usage u
    where u.day < (now() at time zone 'utc')::date - remove_old_key_usage.days
    limit batch_size
  ) as old
  where usage.api_key_id = old.api_key_id and usage.day = old.day;
  get diagnostics removed = row_count;
  return removed;
end $$;
comment on function private.remove_old_key_usage(integer, integer) is 'Removes a batch of days that are older than the given number of days.';

create function private.require_api_key(project_id uuid, key_id uuid) returns void
language plpgsql stable set search_path = '' as $$
begin
  perform private.require_project(project_id);
  if not exists (select from public.api_keys k
    where k.id = require_api_key.key_id and k.project_id = require_api_key.project_id)
  then
    raise exception 'api_key_not_found' using errcode = 'PT404';
  end if;
end $$;
comment on function private.require_api_key(uuid, uuid) is
  'Passes if row-level security shows the caller this key of this project. Errors: project_not_found, api_key_not_found (404).';
grant execute on function private.require_api_key(uuid, uuid) to authenticated, service_role;

create function private.revoke_api_key(credentials jsonb, project_id uuid, key_id uuid) returns void
language plpgsql set search_path = '' as $$
begin
  perform private.enter(credentials, 'projects');
  perform private.require_api_key(project_id, key_id);
  perform private.as_service();
  update public.api_keys k set revoked_at = now() where k.id = key_id and k.revoked_at is null;
  if not found then
    raise exception 'api_key_already_revoked' using errcode = 'PT400';
  end if;
end $$;
comment on function private.revoke_api_key(jsonb, uuid, uuid) is
  'DELETE /projects/{id}/api-keys/{key_id}. Errors: api_key_not_found (404), api_key_already_revoked (400), those of private.authorize.';

create function private.rotate_api_key(credentials jsonb, project_id uuid, key_id uuid, key jsonb, grace_seconds integer)
returns jsonb
language plpgsql set search_path = '' as $$
declare
  allowed integer;
  rotated public.api_keys;
  created public.api_keys;
begin
  perform private.enter(credentials, 'projects');
  perform private.require_api_key(project_id, key_id);
  perform private.as_service();
  -- The same lock as a create: keys of one project change one after the other.
  perform from public.projects p where p.id = rotate_api_key.project_id for update;
  select * into rotated from public.api_keys k where k.id = key_id for update;
  if rotated.revoked_at is not null then
    raise exception 'api_key_already_revoked' using errcode = 'PT400';
  elsif rotated.grace_ends_at is not null then
    raise exception 'api_key_already_rotated' using errcode = 'PT409';
  elsif rotated.expires_at <= now() then
    raise exception 'api_key_already_expired' using errcode = 'PT400';
  end if;
  select plan.api_keys_per_project into allowed
  from public.projects p
  join public.users owner on owner.id = p.owner_id
  left join public.plans plan on plan.id = coalesce(p.plan_id, owner.plan_id)
  where p.id = rotate_api_key.project_id;
  -- A key in its grace is beyond the plan's number; as many again bound how many there can be.
  if grace_seconds > 0 and (
    select count(*) from public.api_keys k where k.project_id = rotate_api_key.project_id and k.grace_ends_at is not null
      and private.key_state(k.revoked_at, k.grace_ends_at, k.expires_at) = 'active'
  ) >= allowed then
    raise exception 'api_key_limit_reached' using errcode = 'PT403';
  end if;
  update public.api_keys k
  set grace_ends_at = least(now() + make_interval(secs => grace_seconds), k.expires_at)
  where k.id = key_id
  returning * into rotated;
  insert into public.api_keys (project_id, name, key_prefix, key_hash, expires_at)
  values (rotated.project_id, rotated.name, key ->> 'key_prefix', decode(key ->> 'key_hash', 'hex'), rotated.expires_at)
  returning * into created;
  return private.api_key_json(to_jsonb(created))
    || jsonb_build_object('replaces', jsonb_build_object('id', rotated.id, 'grace_ends_at', rotated.grace_ends_at));
end $$;
comment on function private.rotate_api_key(jsonb, uuid, uuid, jsonb, integer) is
  'POST …/api-keys/{key_id}/rotate: a new key with the old one''s name and expiry; the old one works until its grace ends, never '
  'beyond its expiry. Errors: api_key_not_found (404), api_key_already_revoked, api_key_already_expired (400), '
  'api_key_already_rotated (409), api_key_limit_reached (403), those of private.authorize.';

create function private.get_api_key_usage(credentials jsonb, project_id uuid, key_id uuid, days integer) returns jsonb
language plpgsql set search_path = '' as $$
declare
  today date := (now() at time zone 'utc')::date;
  items jsonb;
begin
  perform private.enter(credentials, 'projects');
  perform private.require_api_key(project_id, key_id);
  perform private.as_service();
  select jsonb_agg(jsonb_build_object('day', calendar.day, 'requests', coalesce(usage.requests, 0),
    'errors', coalesce(usage.errors, 0)) order by calendar.day)
  into items
  from (select today - back as day from generate_series(0, get_api_key_usage.days - 1) as back) as calendar
  left join public.key_usage usage on usage.api_key_id = get_api_key_usage.key_id and usage.day = calendar.day;
  return items;
end $$;
comment on function private.get_api_key_usage(jsonb, uuid, uuid, integer) is
  'GET …/api-keys/{key_id}/usage: one entry per UTC day, oldest first, today last. Errors: api_key_not_found (404), those of '
  'private.authorize.';
