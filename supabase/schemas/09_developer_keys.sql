-- A developer key identifies a developer, who creates, rotates and revokes it. At most ten are active.

create table public.developer_keys (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  name text constraint developer_keys_name_length check (length(name) <= 255),
  key_prefix text not null constraint developer_keys_key_prefix_length check (length(key_prefix) = 8),
  key_hash bytea not null constraint developer_keys_key_hash_length check (length(key_hash) = 32),
  management boolean not null default false,
  last_used_at timestamptz,
  grace_ends_at timestamptz,
  expires_at timestamptz,
  revoked_at timestamptz,
  created_at timestamptz not null default now()
);
create unique index developer_keys_key_hash on public.developer_keys (key_hash);
create index developer_keys_user_id on public.developer_keys (user_id, created_at desc);

comment on table public.developer_keys is 'Credentials that identify a developer (X-Developer-Key, ak_…).';
comment on column public.developer_keys.id is 'Identifies the key in the API; the key itself is not stored.';
comment on column public.developer_keys.user_id is 'The developer whom the key identifies.';
comment on column public.developer_keys.name is 'Chosen by the developer.';
comment on column public.developer_keys.key_prefix is 'The first eight characters, to recognise the key.';
comment on column public.developer_keys.key_hash is 'SHA-256 of the whole key. Only service_role may read it.';
comment on column public.developer_keys.management is 'Whether the key manages projects without a token. Never for browsers.';
comment on column public.developer_keys.last_used_at is 'Time of the last request with the key, accurate to about a minute.';
comment on column public.developer_keys.grace_ends_at is 'Set by a rotation. The old key is refused after this time.';
comment on column public.developer_keys.expires_at is 'When it stops working; null means never.';
comment on column public.developer_keys.revoked_at is 'When it was revoked, else null.';
comment on column public.developer_keys.created_at is 'When it was made.';

create function private.developer_key_json(key public.developer_keys) returns jsonb
language plpgsql stable set search_path = '' as $$
begin
  return private.key_json(to_jsonb(key) - 'key_hash') || jsonb_build_object('management', key.management);
end $$;
comment on function private.developer_key_json(public.developer_keys) is 'A developer key as the API shows it.';

create function private.authorize_developer(credentials jsonb) returns uuid
language plpgsql set search_path = '' as $$
declare
  actor uuid := private.authorize_session(credentials);
begin
  if current_setting('app.user_role') = 'end_user' then
    raise exception 'developers_only';
  end if;
  return actor;
end $$;
comment on function private.authorize_developer(jsonb) is
  'Returns the signed-in developer or operator, and continues as service_role. A key cannot manage keys. Errors: '
  'developers_only, those of private.authorize_session.';

create function private.require_developer_key(owner uuid, id uuid) returns public.developer_keys
language plpgsql set search_path = '' as $$
declare
  key public.developer_keys;
begin
  select * into key from public.developer_keys k
  where k.id = require_developer_key.id and k.user_id = owner for update;
  if key.id is null then
    raise exception 'developer_key_not_found';
  end if;
  return key;
end $$;
comment on function private.require_developer_key(uuid, uuid) is 'The owner''s key, locked, else developer_key_not_found.';

create function private.list_developer_keys(credentials jsonb) returns jsonb
language plpgsql set search_path = '' as $$
declare
  actor uuid := private.authorize_developer(credentials);
begin
  return (
    select coalesce(jsonb_agg(private.developer_key_json(k) order by k.created_at desc, k.id desc), '[]')
    from public.developer_keys k where k.user_id = actor
  );
end $$;
comment on function private.list_developer_keys(jsonb) is
  'GET /auth/developer-keys, newest first. Errors: those of private.authorize_developer.';

create function private.create_developer_key(credentials jsonb, key jsonb) returns jsonb
language plpgsql set search_path = '' as $$
declare
  actor uuid := private.authorize_developer(credentials);
  created public.developer_keys;
begin
  -- The lock makes creates of one developer take turns, so the count below is correct.
  perform from public.users u where u.id = actor for update;
  if (select count(*) from public.developer_keys k where k.user_id = actor
    and private.key_state(k.revoked_at, k.grace_ends_at, k.expires_at) = 'active') >= 10
  then
    raise exception 'developer_key_limit_reached';
  end if;
  insert into public.developer_keys (user_id, name, key_prefix, key_hash, management, expires_at)
  values (actor, key ->> 'name', key ->> 'key_prefix', decode(key ->> 'key_hash', 'hex'),
    coalesce((key ->> 'management')::boolean, false), (key ->> 'expires_at')::timestamptz)
  returning * into created;
  perform private.send_notice(actor, 'key_created',
    jsonb_build_object('name', created.name, 'key_prefix', created.key_prefix, 'management', created.management));
  return private.developer_key_json(created);
end $$;
comment on function private.create_developer_key(jsonb, jsonb) is
  'POST /auth/developer-keys; key is {name, key_prefix, key_hash, management, expires_at}. Errors: '
  'developer_key_limit_reached, those of private.authorize_developer.';

create function private.rotate_developer_key(credentials jsonb, id uuid, replacement jsonb, grace_seconds integer) returns jsonb
language plpgsql set search_path = '' as $$
declare
  actor uuid := private.authorize_developer(credentials);
  old public.developer_keys := private.require_developer_key(actor, rotate_developer_key.id);
  created public.developer_keys;
begin
  if old.grace_ends_at is not null or private.key_state(old.revoked_at, old.grace_ends_at, old.expires_at) <> 'active' then
    raise exception 'developer_key_not_active';
  end if;
  -- As for API keys, at most as many keys may be in their grace period as may be active.
  perform from public.users u where u.id = actor for update;
  if grace_seconds > 0 and (select count(*) from public.developer_keys k where k.user_id = actor and k.grace_ends_at is not null
    and private.key_state(k.revoked_at, k.grace_ends_at, k.expires_at) = 'active') >= 10
  then
    raise exception 'developer_key_limit_reached';
  end if;
  update public.developer_keys k set grace_ends_at = now() + make_interval(secs => grace_seconds) where k.id = old.id;
  insert into public.developer_keys (user_id, name, key_prefix, key_hash, management, expires_at)
  values (actor, old.name, replacement ->> 'key_prefix', decode(replacement ->> 'key_hash', 'hex'), old.management, old.expires_at)
  returning * into created;
  perform private.send_notice(actor, 'key_created',
    jsonb_build_object('name', created.name, 'key_prefix', created.key_prefix, 'management', created.management));
  return private.developer_key_json(created);
end $$;
comment on function private.rotate_developer_key(jsonb, uuid, jsonb, integer) is
  'POST /auth/developer-keys/{id}/rotate: a new key with the old one''s name, rights and expiry; the old one ends after the '
  'grace period. Errors: developer_key_not_found, developer_key_not_active, developer_key_limit_reached (ten are in their '
  'grace period), those of private.authorize_developer.';

create function private.revoke_developer_key(credentials jsonb, id uuid) returns void
language plpgsql set search_path = '' as $$
declare
  actor uuid := private.authorize_developer(credentials);
  key public.developer_keys := private.require_developer_key(actor, revoke_developer_key.id);
begin
  if key.revoked_at is not null then
    raise exception 'developer_key_already_revoked';
  elsif key.key_hash = decode(credentials ->> 'developer_key_hash', 'hex') then
    raise exception 'developer_key_in_use';
  end if;
  update public.developer_keys k set revoked_at = now() where k.id = key.id;
end $$;
comment on function private.revoke_developer_key(jsonb, uuid) is
  'DELETE /auth/developer-keys/{id}. Errors: developer_key_not_found, developer_key_already_revoked, '
  'developer_key_in_use (the request itself carries it), those of private.authorize_developer.';

alter table public.developer_keys enable row level security;
create policy developer_keys_select_owner on public.developer_keys for select to authenticated
  using (user_id = (select private.actor_id()));

grant select (id, user_id, name, key_prefix, management, last_used_at, grace_ends_at, expires_at, revoked_at, created_at)
  on public.developer_keys to authenticated;
grant select, insert, update, delete on public.developer_keys to service_role;
grant execute on function
  private.developer_key_json(public.developer_keys),
  private.require_developer_key(uuid, uuid)
to service_role;
