-- A caller may send the same create twice and gets one generation. The API takes the key before it stores anything. The
-- transaction that inserts the generation finishes the key. So a crash cannot leave a generation without its key.

create table private.idempotency_keys (
  caller text not null,
  operation text not null,
  key text not null constraint idempotency_keys_key_length check (length(key) between 1 and 255),
  fingerprint text not null,
  generation_id uuid not null,
  response jsonb,
  locked_until timestamptz not null,
  created_at timestamptz not null default now(),
  primary key (caller, operation, key)
);
create unique index idempotency_keys_generation_id on private.idempotency_keys (generation_id);
create index idempotency_keys_created_at on private.idempotency_keys (created_at);

comment on table private.idempotency_keys is 'Keys of the last 24 hours, per caller and operation.';
comment on column private.idempotency_keys.caller is 'Project and account.';
comment on column private.idempotency_keys.operation is 'The operation of the request.';
comment on column private.idempotency_keys.key is 'The Idempotency-Key of the caller.';
comment on column private.idempotency_keys.fingerprint is
  'SHA-256 of the request. Another request with the same key is refused.';
comment on column private.idempotency_keys.generation_id is
  'The id that the first request chose for its generation. The generation may not exist.';
comment on column private.idempotency_keys.response is
  'The generation as it was when it was created; null while the first request runs.';
comment on column private.idempotency_keys.locked_until is
  'Until this time the first request counts as running. After it, another request can take the key.';
comment on column private.idempotency_keys.created_at is 'When the key was first sent.';

create function private.begin_idempotent(project_id uuid, user_id uuid, request jsonb) returns jsonb
language plpgsql set search_path = '' as $$
#variable_conflict use_column
declare
  v_caller text := concat_ws(':', begin_idempotent.project_id, begin_idempotent.user_id);
  v_row private.idempotency_keys;
begin
  perform set_config('role', 'service_role', true);
  insert into private.idempotency_keys as k (caller, operation, key, fingerprint, generation_id, locked_until)
  values (v_caller, request ->> 'operation', request ->> 'key', request ->> 'fingerprint',
    (request ->> 'generation_id')::uuid, now() + interval '1 minute')
  on conflict (caller, operation, key) do update
    set fingerprint = excluded.fingerprint, generation_id = excluded.generation_id, response = null,
      locked_until = excluded.locked_until, created_at = now()
    where k.created_at < now() - interval '24 hours'
      or (k.response is null and k.locked_until < now() and k.fingerprint = excluded.fingerprint);
  if found then
    return '{"state": "started"}';
  end if;
  select * into v_row from private.idempotency_keys k
  where k.caller = v_caller and k.operation = request ->> 'operation' and k.key = request ->> 'key';
  if v_row.fingerprint is distinct from request ->> 'fingerprint' and v_row.key is not null then
    raise exception 'idempotency_key_reused';
  end if;
  return jsonb_build_object('state', case when v_row.response is null then 'running' else 'done' end,
    'response', v_row.response);
end $$;
comment on function private.begin_idempotent(uuid, uuid, jsonb) is
  'Takes a key of a caller that private.check_credentials has just returned: {operation, key, fingerprint, generation_id} → '
  '{state: started | running | done, response}. Errors: idempotency_key_reused.';

create function private.finish_idempotent(id uuid, response jsonb) returns void
language plpgsql set search_path = '' as $$
begin
  update private.idempotency_keys k set response = finish_idempotent.response
  where k.generation_id = finish_idempotent.id and k.response is null;
  if not found then
    raise exception 'idempotency_key_in_use';
  end if;
end $$;
comment on function private.finish_idempotent(uuid, jsonb) is
  'Stores the answer. Errors: idempotency_key_in_use if the request took so long that another one has taken the key.';

create function private.release_idempotent(id uuid) returns void
language plpgsql set search_path = '' as $$
begin
  perform set_config('role', 'service_role', true);
  delete from private.idempotency_keys k where k.generation_id = release_idempotent.id and k.response is null;
end $$;
comment on function private.release_idempotent(uuid) is
  'Releases the key after a failed request, so that the next request with it starts again.';

alter table private.idempotency_keys enable row level security;

grant select, insert, update, delete on private.idempotency_keys to service_role;
grant execute on function private.finish_idempotent(uuid, jsonb) to service_role;
