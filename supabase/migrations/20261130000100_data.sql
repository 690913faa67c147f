-- Initial rows: plans, models and buckets. If they are installed, also the set-up of Realtime and the schedule of the reconciler.
-- An operator may change all of them afterwards.

insert into public.plans
  (id, requests_per_day, reads_per_minute, auth_calls_per_hour, generations_per_month, concurrent_generations, projects,
    api_keys_per_project, is_default)
values
  ('free', 1000, 600, 100, 100, 1, 5, 3, true),
  ('starter', 10000, 1200, 500, 1000, 3, 20, 10, false),
  ('premium', 100000, 6000, 2000, null, 10, null, null, false);

insert into public.models (id, plan_ids)
values
  ('google/nano-banana', null),
  ('black-forest-labs/flux-schnell', null),
  ('black-forest-labs/flux-dev', null),
  ('bytedance/seedream-4', '{starter,premium}'),
  ('black-forest-labs/flux-kontext-pro', '{starter,premium}'),
  ('black-forest-labs/flux-kontext-max', '{premium}');

do $$
begin
  if not private.ensure_buckets() then
    raise notice 'Storage has not made its tables yet: run `select private.ensure_buckets()` once it has.';
  end if;
end $$;

do $$
begin
  perform private.ensure_realtime();
end $$;

-- With pg_cron and pg_net the reconciler runs each minute. Otherwise a scheduler calls POST /api/v1/internal/reconcile. pg_cron
-- raises 42704 if its library is not preloaded, and P0001 in any database except its own.
do $$
begin
  create extension if not exists pg_cron with schema pg_catalog;
  create extension if not exists pg_net with schema extensions;
  execute 'select cron.schedule($1, $2, $3)'
    using 'reconcile', '* * * * *', 'select private.call_reconciler()';
exception when insufficient_privilege or feature_not_supported or undefined_file or object_not_in_prerequisite_state
  or config_file_error or undefined_object or raise_exception or undefined_function
then
  raise notice 'The reconciler is not scheduled here (%): call POST /api/v1/internal/reconcile each minute.', sqlerrm;
end $$;
