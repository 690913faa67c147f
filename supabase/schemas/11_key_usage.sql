-- Counts of requests per API key. Each isolate counts in memory and writes in batches, so no request waits for a row.

create table public.key_usage (
  api_key_id uuid not null references public.api_keys (id) on delete cascade,
  day date not null,
  requests integer not null default 0 constraint key_usage_requests_positive check (requests >= 0),
  errors integer not null default 0 constraint key_usage_errors_positive check (errors >= 0),
  primary key (api_key_id, day)
);
create index key_usage_day on public.key_usage (day);

comment on table public.key_usage is 'Requests with an API key, per UTC day. Written in batches, some seconds late.';
comment on column public.key_usage.api_key_id is 'The key of the requests.';
comment on column public.key_usage.day is 'The UTC day.';
comment on column public.key_usage.requests is 'All requests, refused ones too.';
comment on column public.key_usage.errors is 'The requests with a status of 400 or more.';

create function private.record_key_usage(batch jsonb) returns void
language plpgsql set search_path = '' as $$
begin
  perform set_config('role', 'service_role', true);
  -- All isolates write in the order of the keys, so that they do not deadlock.
  insert into public.key_usage as usage (api_key_id, day, requests, errors)
  select k.id, entry.day, entry.requests, entry.errors
  from jsonb_to_recordset(batch) as entry (kind text, key_hash text, day date, requests integer, errors integer)
  join public.api_keys k on k.key_hash = decode(entry.key_hash, 'hex')
  where entry.kind = 'api_key'
  order by k.id, entry.day
  on conflict (api_key_id, day) do update
  set requests = usage.requests + excluded.requests, errors = usage.errors + excluded.errors;

  -- Skips rows that another isolate is writing, since it writes the same minute.
  with used as (
    select entry.kind, decode(entry.key_hash, 'hex') as key_hash, max(entry.used_at) as used_at
    from jsonb_to_recordset(batch) as entry (kind text, key_hash text, used_at timestamptz)
    group by entry.kind, entry.key_hash
  ), stale_api_keys as (
    select k.id, used.used_at from public.api_keys k join used on used.kind = 'api_key' and used.key_hash = k.key_hash
    where k.last_used_at is null or k.last_used_at < used.used_at - interval '1 minute'
    for update of k skip locked
  ), stale_developer_keys as (
    select k.id, used.used_at from public.developer_keys k join used on used.kind = 'developer_key' and used.key_hash = k.key_hash
    where k.last_used_at is null or k.last_used_at < used.used_at - interval '1 minute'
    for update of k skip locked
  ), stale_operator_keys as (
    select k.id, used.used_at from public.operator_keys k join used on used.kind = 'operator_key' and used.key_hash = k.key_hash
    where k.last_used_at is null or k.last_used_at < used.used_at - interval '1 minute'
    for update of k skip locked
  ), used_api_keys as (
    update public.api_keys k set last_used_at = stale.used_at from stale_api_keys stale where k.id = stale.id
  ), used_developer_keys as (
    update public.developer_keys k set last_used_at = stale.used_at from stale_developer_keys stale where k.id = stale.id
  )
  update public.operator_keys k set last_used_at = stale.used_at from stale_operator_keys stale where k.id = stale.id;
end $$;
comment on function private.record_key_usage(jsonb) is
  'Adds the counts of one isolate: [{kind, key_hash, day, requests, errors, used_at}]. Kind is api_key, developer_key or '
  'operator_key; hashes of unknown keys are ignored. last_used_at changes at most once a minute.';

create function private.get_api_key_usage(credentials jsonb, project_id uuid, key_id uuid, days integer) returns jsonb
language plpgsql set search_path = '' as $$
declare
  today date := (now() at time zone 'utc')::date;
  items jsonb;
begin
  perform private.authorize_and_set_role(credentials, 'projects');
  perform private.require_api_key(project_id, key_id);
  perform set_config('role', 'service_role', true);
  select jsonb_agg(jsonb_build_object('day', calendar.day, 'requests', coalesce(usage.requests, 0),
    'errors', coalesce(usage.errors, 0)) order by calendar.day)
  into items
  from (select today - back as day from generate_series(0, get_api_key_usage.days - 1) as back) as calendar
  left join public.key_usage usage on usage.api_key_id = get_api_key_usage.key_id and usage.day = calendar.day;
  return items;
end $$;
comment on function private.get_api_key_usage(jsonb, uuid, uuid, integer) is
  'GET …/api-keys/{key_id}/usage: one entry per UTC day, oldest first, today last. Errors: api_key_not_found, those of '
  'private.authorize.';

alter table public.key_usage enable row level security;

grant select, insert, update, delete on public.key_usage to service_role;
