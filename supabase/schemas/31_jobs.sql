-- Runs and results of the reconciler's jobs. With pg_cron and pg_net, the database calls the reconciler each minute. Otherwise
-- a scheduler calls POST /api/v1/internal/reconcile. Each run reads the URL and the secret from the vault:
-- select vault.create_secret('https://<ref>.supabase.co/functions/v1/api/v1/internal/reconcile', 'reconcile_url');   select
-- vault.create_secret('<CRON_SECRET>', 'cron_secret');

create table private.job_runs (
  name text primary key,
  ran_at timestamptz not null default now()
);

comment on table private.job_runs is 'The last run of each job that does not run each minute.';
comment on column private.job_runs.name is 'Which job.';
comment on column private.job_runs.ran_at is 'When it was last begun.';

create table private.job_results (
  name text primary key,
  ran_at timestamptz not null default now(),
  checked integer not null,
  failed integer not null,
  failing_since timestamptz
);

comment on table private.job_results is 'The result of the last run of each job.';
comment on column private.job_results.name is 'Which job.';
comment on column private.job_results.ran_at is 'When it ended.';
comment on column private.job_results.checked is 'The number of items that it processed.';
comment on column private.job_results.failed is 'The number of items that failed. A job that throws counts as one.';
comment on column private.job_results.failing_since is
  'The first of the consecutive runs with a failure; null after a run without one.';

create function private.claim_job(name text, every_seconds integer) returns boolean
language plpgsql set search_path = '' as $$
#variable_conflict use_column
begin
  perform set_config('role', 'service_role', true);
  insert into private.job_runs as run (name) values (claim_job.name)
  on conflict (name) do update set ran_at = now()
    where run.ran_at <= now() - make_interval(secs => every_seconds);
  return found;
end $$;
comment on function private.claim_job(text, integer) is 'Returns true to one caller in each period.';

create function private.record_job_results(results jsonb) returns void
language plpgsql set search_path = '' as $$
begin
  perform set_config('role', 'service_role', true);
  insert into private.job_results as result (name, checked, failed, failing_since)
  select r.name, r.checked, r.failed, case when r.failed > 0 then now() end
  from jsonb_to_recordset(results) as r (name text, checked integer, failed integer)
  order by r.name
  on conflict (name) do update set ran_at = now(), checked = excluded.checked, failed = excluded.failed,
    failing_since = case when excluded.failed > 0 then coalesce(result.failing_since, now()) end;
end $$;
comment on function private.record_job_results(jsonb) is
  'Stores the results of a run of the reconciler: [{name, checked, failed}].';

create function private.call_reconciler() returns bigint
language plpgsql security definer set search_path = '' as $$
declare
  v_url text;
  v_secret text;
  v_request bigint;
begin
  if to_regclass('vault.decrypted_secrets') is null or to_regproc('net.http_post') is null then
    return null;
  end if;
  execute 'select (select decrypted_secret from vault.decrypted_secrets where name = $1),
    (select decrypted_secret from vault.decrypted_secrets where name = $2)'
    into v_url, v_secret using 'reconcile_url', 'cron_secret';
  if v_url is null or v_secret is null then
    return null;
  end if;
  execute 'select net.http_post(url := $1, headers := $2, body := $3, timeout_milliseconds := 55000)'
    into v_request
    using v_url, jsonb_build_object('Authorization', 'Bearer ' || v_secret, 'Content-Type', 'application/json'), '{}'::jsonb;
  return v_request;
end $$;
comment on function private.call_reconciler() is
  'Calls the reconciler of the API. Null if the URL, the secret or pg_net is missing. Definer: only the owner reads the vault.';

alter table private.job_runs enable row level security;
alter table private.job_results enable row level security;

grant select, insert, update, delete on private.job_runs, private.job_results to service_role;
