-- Metrics for operators: requests by result, and waiting work. Each isolate knows only its own requests, so all write their
-- counts here, in batches.

-- Unlogged: after a crash of the server the counts start at zero, which Prometheus handles as a counter reset.
create unlogged table private.request_counts (
  method text not null,
  route text not null,
  status smallint not null,
  requests bigint not null,
  seconds double precision not null,
  buckets bigint[] not null,
  primary key (method, route, status)
);

comment on table private.request_counts is
  'Answered requests since the last crash of the server, by route and status. One row for each kind.';
comment on column private.request_counts.method is 'The HTTP method.';
comment on column private.request_counts.route is
  'The pattern of the route, such as /api/v1/projects/{project_id}; none for an address that does not exist.';
comment on column private.request_counts.status is 'The HTTP status of the answer.';
comment on column private.request_counts.requests is 'How many.';
comment on column private.request_counts.seconds is 'The sum of their durations.';
comment on column private.request_counts.buckets is
  'The number of requests per bucket of duration. The API chooses the bounds, and a request counts in its first bucket.';

create function private.server_version() returns text
language plpgsql stable set search_path = '' as $$
begin
  return current_setting('server_version');
end $$;
comment on function private.server_version() is 'The version of the server, for the health check.';

create function private.record_requests(batch jsonb) returns void
language plpgsql set search_path = '' as $$
begin
  perform set_config('role', 'service_role', true);
  insert into private.request_counts as counts (method, route, status, requests, seconds, buckets)
  select b.method, b.route, b.status, b.requests, b.seconds, b.buckets
  from jsonb_to_recordset(batch) as b (
    method text, route text, status smallint, requests bigint, seconds double precision, buckets bigint[])
  order by b.method, b.route, b.status
  on conflict (method, route, status) do update set
    requests = counts.requests + excluded.requests,
    seconds = counts.seconds + excluded.seconds,
    buckets = array(
      select coalesce(pair.old, 0) + coalesce(pair.new, 0)
      from unnest(counts.buckets, excluded.buckets) with ordinality as pair (old, new, place) order by pair.place);
end $$;
comment on function private.record_requests(jsonb) is
  'Adds the counts of an isolate: [{method, route, status, requests, seconds, buckets}]. Rows are written in a fixed order, so '
  'that isolates do not deadlock.';

create function private.list_request_counts() returns jsonb
language plpgsql set search_path = '' as $$
begin
  perform set_config('role', 'service_role', true);
  return (
    select coalesce(jsonb_agg(to_jsonb(counts) order by counts.route, counts.method, counts.status), '[]')
    from private.request_counts counts);
end $$;
comment on function private.list_request_counts() is
  'All of private.request_counts: [{method, route, status, requests, seconds, buckets}].';

create function private.service_report() returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_migrations jsonb := '[]';
begin
  if to_regclass('supabase_migrations.schema_migrations') is not null then
    execute 'select coalesce(jsonb_agg(version order by version), ''[]'') from supabase_migrations.schema_migrations'
      into v_migrations;
  end if;
  return jsonb_build_object(
    'version', current_setting('server_version'),
    'migrations', v_migrations,
    'connections', (
      select jsonb_build_object(
        'max', current_setting('max_connections')::integer,
        'used', count(*),
        'api', count(*) filter (where a.application_name = 'cloud-api'),
        'api_active', count(*) filter (where a.application_name = 'cloud-api' and a.state <> 'idle'))
      from pg_catalog.pg_stat_activity a where a.backend_type = 'client backend'),
    'generations', (
      select jsonb_object_agg(state.status, jsonb_build_object(
        'count', coalesce(open.count, 0), 'overdue', coalesce(open.overdue, 0), 'oldest_seconds', coalesce(open.oldest, 0)))
      from (values ('pending'), ('processing')) as state (status)
      left join (
        select g.status, count(*) as count,
          -- The reconciler runs each minute, so anything overdue for longer is stuck.
          count(*) filter (where g.next_check_at < now() - interval '3 minutes') as overdue,
          round(extract(epoch from now() - min(g.created_at)))::integer as oldest
        from public.generations g where g.status in ('pending', 'processing') group by g.status
      ) as open on open.status = state.status),
    'ended_last_hour', (
      select jsonb_build_object(
        'completed', count(*) filter (where e.kind = 'completed'),
        'failed', count(*) filter (where e.kind = 'failed'),
        'canceled', count(*) filter (where e.kind = 'canceled'))
      from public.generation_events e where e.created_at > now() - interval '1 hour'),
    'mail_outbox', (
      select jsonb_build_object('waiting', count(*), 'failing', count(*) filter (where m.last_error is not null),
        'oldest_seconds', coalesce(round(extract(epoch from now() - min(m.created_at)))::integer, 0))
      from private.mail_outbox m),
    'cleanup', (
      select jsonb_build_object('waiting', count(*), 'oldest_seconds',
        coalesce(round(extract(epoch from now() - min(t.created_at)))::integer, 0))
      from private.cleanup_tasks t),
    'jobs', (
      select coalesce(jsonb_object_agg(j.name, jsonb_build_object('ran_at', j.ran_at, 'checked', j.checked,
        'failed', j.failed, 'failing_since', j.failing_since)), '{}')
      from private.job_results j));
end $$;
comment on function private.service_report() is
  'Metrics for operators: versions, migrations, connections, open generations, waiting mail and cleanup tasks, and the last '
  'run of each job. The API checks the caller first. Definer: only the owner reads the list of migrations.';

alter table private.request_counts enable row level security;

grant select, insert, update, delete on private.request_counts to service_role;
