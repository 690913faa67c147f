-- An API key identifies a project. The project's developer creates, rotates and revokes it.

create table public.api_keys (
  id uuid primary key default gen_random_uuid(),
  project_id uuid not null references public.projects (id) on delete cascade,
  name text constraint api_keys_name_length check (length(name) <= 255),
  key_prefix text not null constraint api_keys_key_prefix_length check (length(key_prefix) = 8),
  key_hash bytea not null constraint api_keys_key_hash_length check (length(key_hash) = 32),
  last_used_at timestamptz,
  grace_ends_at timestamptz,
  expires_at timestamptz,
  revoked_at timestamptz,
  created_at timestamptz not null default now()
);
create unique index api_keys_key_hash on public.api_keys (key_hash);
create index api_keys_project_id on public.api_keys (project_id, created_at desc);

comment on table public.api_keys is 'Credentials that identify a project (X-API-Key, ak_…).';
comment on column public.api_keys.id is 'Identifies the key in the API; the key itself is not stored.';
comment on column public.api_keys.project_id is 'The project that the key identifies.';
comment on column public.api_keys.name is 'Chosen by the developer.';
comment on column public.api_keys.key_prefix is 'The first eight characters, to recognise the key.';
comment on column public.api_keys.key_hash is 'SHA-256 of the whole key. Only service_role may read it.';
comment on column public.api_keys.last_used_at is 'Time of the last request with the key, accurate to about a minute.';
comment on column public.api_keys.grace_ends_at is 'Set by a rotation. The old key is refused after this time.';
comment on column public.api_keys.expires_at is 'When it stops working; null means never.';
comment on column public.api_keys.revoked_at is 'When it was revoked, else null.';
comment on column public.api_keys.created_at is 'When it was made.';

create function private.api_key_json(key jsonb) returns jsonb
language plpgsql stable set search_path = '' as $$
begin
  return private.key_json(key) || jsonb_build_object('grace_ends_at', key -> 'grace_ends_at',
    'status', private.key_state((key ->> 'revoked_at')::timestamptz, (key ->> 'grace_ends_at')::timestamptz,
      (key ->> 'expires_at')::timestamptz));
end $$;
comment on function private.api_key_json(jsonb) is 'A key with its status: active, revoked, rotated or expired.';

create function private.require_api_key(project_id uuid, key_id uuid) returns void
language plpgsql stable set search_path = '' as $$
begin
  perform private.require_project(project_id);
  if not exists (select from public.api_keys k
    where k.id = require_api_key.key_id and k.project_id = require_api_key.project_id)
  then
    raise exception 'api_key_not_found';
  end if;
end $$;
comment on function private.require_api_key(uuid, uuid) is
  'Passes if row-level security shows the caller this key of this project. Errors: project_not_found, api_key_not_found.';

create function private.create_api_key(credentials jsonb, project_id uuid, key jsonb) returns jsonb
language plpgsql set search_path = '' as $$
declare
  allowed integer;
  created public.api_keys;
begin
  perform private.authorize_and_set_role(credentials, 'projects');
  perform set_config('role', 'service_role', true);
  -- The lock makes creates in one project take turns, so the count below is correct.
  perform private.hold_managed_project(project_id);
  allowed := (private.project_plan(project_id)).api_keys_per_project;
  if (
    select count(*) from public.api_keys k where k.project_id = create_api_key.project_id and k.grace_ends_at is null
      and private.key_state(k.revoked_at, k.grace_ends_at, k.expires_at) = 'active'
  ) >= allowed then
    raise exception 'api_key_limit_reached';
  end if;
  insert into public.api_keys (project_id, name, key_prefix, key_hash, expires_at)
  values (create_api_key.project_id, key ->> 'name', key ->> 'key_prefix', decode(key ->> 'key_hash', 'hex'),
    (key ->> 'expires_at')::timestamptz)
  returning * into created;
  return private.api_key_json(to_jsonb(created));
end $$;
comment on function private.create_api_key(jsonb, uuid, jsonb) is
  'POST /projects/{id}/api-keys. Errors: project_not_found, api_key_limit_reached, those of private.authorize.';

create function private.list_api_keys(credentials jsonb, project_id uuid) returns jsonb
language plpgsql set search_path = '' as $$
begin
  perform private.authorize_and_set_role(credentials, 'projects');
  perform private.require_project(project_id);
  return (
    select coalesce(jsonb_agg(private.api_key_json(to_jsonb(k)) order by k.created_at desc, k.id desc), '[]')
    from (
      select id, name, key_prefix, last_used_at, grace_ends_at, expires_at, revoked_at, created_at
      from public.api_keys a where a.project_id = list_api_keys.project_id
    ) as k
  );
end $$;
comment on function private.list_api_keys(jsonb, uuid) is
  'GET /projects/{id}/api-keys, newest first. Errors: project_not_found, those of private.authorize.';

create function private.rotate_api_key(credentials jsonb, project_id uuid, key_id uuid, key jsonb, grace_seconds integer)
returns jsonb
language plpgsql set search_path = '' as $$
declare
  allowed integer;
  rotated public.api_keys;
  created public.api_keys;
begin
  perform private.authorize_and_set_role(credentials, 'projects');
  perform private.require_api_key(project_id, key_id);
  perform set_config('role', 'service_role', true);
  -- The same lock as for a create, so that keys of one project change one after the other.
  perform private.hold_managed_project(project_id);
  select * into rotated from public.api_keys k where k.id = key_id for update;
  if rotated.revoked_at is not null then
    raise exception 'api_key_already_revoked';
  elsif rotated.grace_ends_at is not null then
    raise exception 'api_key_already_rotated';
  elsif rotated.expires_at <= now() then
    raise exception 'api_key_already_expired';
  end if;
  allowed := (private.project_plan(project_id)).api_keys_per_project;
  -- Keys in their grace period do not count as active. At most as many may be in it as the plan allows active keys.
  if grace_seconds > 0 and (
    select count(*) from public.api_keys k where k.project_id = rotate_api_key.project_id and k.grace_ends_at is not null
      and private.key_state(k.revoked_at, k.grace_ends_at, k.expires_at) = 'active'
  ) >= allowed then
    raise exception 'api_key_limit_reached';
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
  'POST …/api-keys/{key_id}/rotate: a new key with the name and expiry of the old one. The old one works until its grace '
  'period ends, never beyond its expiry. Errors: api_key_not_found, api_key_already_revoked, api_key_already_expired, '
  'api_key_already_rotated, api_key_limit_reached, those of private.authorize.';

create function private.revoke_api_key(credentials jsonb, project_id uuid, key_id uuid) returns void
language plpgsql set search_path = '' as $$
begin
  perform private.authorize_and_set_role(credentials, 'projects');
  perform private.require_api_key(project_id, key_id);
  perform set_config('role', 'service_role', true);
  update public.api_keys k set revoked_at = now() where k.id = key_id and k.revoked_at is null;
  if not found then
    raise exception 'api_key_already_revoked';
  end if;
end $$;
comment on function private.revoke_api_key(jsonb, uuid, uuid) is
  'DELETE /projects/{id}/api-keys/{key_id}. Errors: api_key_not_found, api_key_already_revoked, those of private.authorize.';

alter table public.api_keys enable row level security;
create policy api_keys_select_owner on public.api_keys for select to authenticated
  using (project_id = any ((select private.managed_project_ids())::uuid[]));

grant select (id, project_id, name, key_prefix, last_used_at, grace_ends_at, expires_at, revoked_at, created_at)
  on public.api_keys to authenticated;
grant select, insert, update, delete on public.api_keys to service_role;
grant execute on function
  private.api_key_json(jsonb),
  private.require_api_key(uuid, uuid)
to authenticated, service_role;
