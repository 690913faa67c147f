-- Each minute the reconciler is called by the database itself, where pg_cron and pg_net exist. Where they do not, somebody
-- else calls POST /api/v1/internal/reconcile. Its address and secret are read from the vault at each run:
--   select vault.create_secret('https://<ref>.supabase.co/functions/v1/api/v1/internal/reconcile', 'reconcile_url');
--   select vault.create_secret('<CRON_SECRET>', 'cron_secret');

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
  'Asks the API to reconcile; null where the address, the secret or pg_net is missing. Definer: only the owner reads the vault.';

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
