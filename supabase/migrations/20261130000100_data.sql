-- Rows that come with the schema: plans, models, buckets, and the schedule of the reconciler where pg_cron exists. An operator
-- may change all of them afterwards.

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

-- Both buckets are private and have no policy: only the API's secret key reads and writes them, and browsers get
-- short-lived signed addresses. Paths start with the project id.
insert into storage.buckets (id, name, public, file_size_limit, allowed_mime_types)
values
  ('uploads', 'uploads', false, 10485760, '{image/jpeg,image/png,image/webp}'),
  ('generations', 'generations', false, 26214400, '{image/jpeg,image/png,image/webp}')
on conflict (id) do update
set public = excluded.public, file_size_limit = excluded.file_size_limit, allowed_mime_types = excluded.allowed_mime_types;

-- Each minute, where pg_cron and pg_net exist; elsewhere somebody else calls POST /api/v1/internal/reconcile.
do $$
begin
  if (select count(*) from pg_catalog.pg_available_extensions where name in ('pg_cron', 'pg_net')) = 2 then
    create extension if not exists pg_cron with schema pg_catalog;
    create extension if not exists pg_net with schema extensions;
    execute 'select cron.schedule($1, $2, $3)'
      using 'reconcile', '* * * * *', 'select private.call_reconciler()';
  end if;
exception when insufficient_privilege or feature_not_supported or undefined_file or object_not_in_prerequisite_state
  or config_file_error
then
  raise notice 'The reconciler is not scheduled here (%): call POST /api/v1/internal/reconcile each minute.', sqlerrm;
end $$;
