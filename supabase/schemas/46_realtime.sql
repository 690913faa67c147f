-- If Supabase Realtime is installed, a trigger sends each new status of a generation to the private channel
-- `generations:<user id>`. The table itself is not published, because Realtime would send each deletion to all listeners.
-- Realtime may create its tables after the migrations, so ensure_realtime can be called again.

create function private.on_generation_broadcast() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if tg_op = 'UPDATE' and new.status is not distinct from old.status then
    return null;
  end if;
  execute 'select realtime.send($1, $2, $3, true)' using
    jsonb_build_object('id', new.id, 'project_id', new.project_id, 'status', new.status, 'error_code', new.error_code,
      'updated_at', to_char(new.updated_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')),
    'status', 'generations:' || new.user_id;
  return null;
exception when others then
  raise warning 'A state of generation % is not broadcast: %', new.id, sqlerrm;
  return null;
end $$;
comment on function private.on_generation_broadcast() is
  'Trigger: sends a new state to Realtime as {id, project_id, status, error_code, updated_at}. A failure does not stop the '
  'generation. Definer: the caller may have no right to send.';

create function private.ensure_realtime() returns boolean
language plpgsql set search_path = '' as $$
begin
  if to_regprocedure('realtime.send(jsonb, text, text, boolean)') is null or to_regprocedure('realtime.topic()') is null
    or to_regclass('realtime.messages') is null
  then
    return false;
  end if;
  if not exists (select from pg_catalog.pg_policy
    where polrelid = to_regclass('realtime.messages') and polname = 'messages_select_generations_self')
  then
    execute 'create policy messages_select_generations_self on realtime.messages for select to authenticated
      using (extension = ''broadcast'' and (select realtime.topic()) = ''generations:'' || (select private.actor_id()))';
  end if;
  if not exists (select from pg_catalog.pg_trigger
    where tgrelid = 'public.generations'::regclass and tgname = 'generations_broadcast')
  then
    create trigger generations_broadcast after insert or update of status on public.generations
      for each row when (new.user_id is not null) execute function private.on_generation_broadcast();
  end if;
  return true;
exception when insufficient_privilege then
  raise notice 'Realtime may not be changed by this role: %', sqlerrm;
  return false;
end $$;
comment on function private.ensure_realtime() is
  'Lets people listen to their own generations: creates a policy on realtime.messages and the sending trigger. False if '
  'Realtime is not installed or has not created its tables; then call it again.';
