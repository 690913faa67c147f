-- Long-lived credentials. Only a SHA-256 hash and an eight-character prefix are kept; the hash is granted to nobody
-- but service_role. Operator keys run the platform, developer keys name a developer, API keys name a project.

create table public.operator_keys (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references public.users (id) on delete cascade,
  name text constraint operator_keys_name_length check (length(name) <= 255),
  key_prefix text not null constraint operator_keys_key_prefix_length check (length(key_prefix) = 8),
  key_hash bytea not null constraint operator_keys_key_hash_length check (length(key_hash) = 32),
  last_used_at timestamptz,
  expires_at timestamptz,
  revoked_at timestamptz,
  created_at timestamptz not null default now()
);
create unique index operator_keys_key_hash on public.operator_keys (key_hash);
create index operator_keys_user_id on public.operator_keys (user_id);

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

comment on table public.operator_keys is 'Credentials of operators (X-Operator-Key, ok_…).';
comment on column public.operator_keys.key_prefix is 'The first eight characters, to recognise the key by.';
comment on column public.operator_keys.key_hash is 'SHA-256 of the whole key. Granted to nobody but service_role.';
comment on column public.operator_keys.id is 'Names the key where its text must not appear.';
comment on column public.operator_keys.user_id is 'The operator who acts with it.';
comment on column public.operator_keys.name is 'What its owner calls it.';
comment on column public.operator_keys.last_used_at is 'When it was last accepted, kept coarsely.';
comment on column public.operator_keys.expires_at is 'Refused from then on; null never expires.';
comment on column public.operator_keys.revoked_at is 'When its owner revoked it, else null.';
comment on column public.operator_keys.created_at is 'When it was made.';
comment on table public.developer_keys is 'Credentials that name a developer (X-Developer-Key, ak_…).';
comment on column public.developer_keys.key_prefix is 'The first eight characters, to recognise the key by.';
comment on column public.developer_keys.key_hash is 'SHA-256 of the whole key. Granted to nobody but service_role.';
comment on column public.developer_keys.management is 'Whether the key manages projects without a token. Never for browsers.';
comment on column public.developer_keys.grace_ends_at is 'Set by a rotation: the old key is refused from then on.';
comment on column public.developer_keys.id is 'Names the key where its text must not appear.';
comment on column public.developer_keys.user_id is 'The developer whom it names.';
comment on column public.developer_keys.name is 'What its owner calls it.';
comment on column public.developer_keys.last_used_at is 'When it was last accepted, kept coarsely.';
comment on column public.developer_keys.expires_at is 'Refused from then on; null never expires.';
comment on column public.developer_keys.revoked_at is 'When its owner revoked it, else null.';
comment on column public.developer_keys.created_at is 'When it was made.';
comment on table public.api_keys is 'Credentials that name a project (X-API-Key, ak_…).';
comment on column public.api_keys.key_prefix is 'The first eight characters, to recognise the key by.';
comment on column public.api_keys.key_hash is 'SHA-256 of the whole key. Granted to nobody but service_role.';
comment on column public.api_keys.grace_ends_at is 'Set by a rotation: the old key is refused from then on.';
comment on column public.api_keys.id is 'Names the key where its text must not appear.';
comment on column public.api_keys.project_id is 'The project that it names.';
comment on column public.api_keys.name is 'What its owner calls it.';
comment on column public.api_keys.last_used_at is 'When it was last accepted, kept coarsely.';
comment on column public.api_keys.expires_at is 'Refused from then on; null never expires.';
comment on column public.api_keys.revoked_at is 'When its owner revoked it, else null.';
comment on column public.api_keys.created_at is 'When it was made.';

alter table public.operator_keys enable row level security;
alter table public.developer_keys enable row level security;
alter table public.api_keys enable row level security;

create policy developer_keys_select_owner on public.developer_keys for select to authenticated
  using (user_id = (select private.actor_id()));
create policy api_keys_select_owner on public.api_keys for select to authenticated
  using (project_id = any ((select private.managed_project_ids())::uuid[]));

grant select (id, user_id, name, key_prefix, management, last_used_at, grace_ends_at, expires_at, revoked_at, created_at)
  on public.developer_keys to authenticated;
grant select (id, project_id, name, key_prefix, last_used_at, grace_ends_at, expires_at, revoked_at, created_at)
  on public.api_keys to authenticated;
grant select, insert, update, delete on public.operator_keys, public.developer_keys, public.api_keys to service_role;

create function private.key_state(revoked_at timestamptz, grace_ends_at timestamptz, expires_at timestamptz) returns text
language plpgsql stable set search_path = '' as $$
begin
  return case
    when revoked_at is not null then 'revoked'
    when grace_ends_at <= now() then 'rotated'
    when expires_at <= now() then 'expired'
    else 'active'
  end;
end $$;
comment on function private.key_state(timestamptz, timestamptz, timestamptz) is 'active, revoked, rotated or expired.';
grant execute on function private.key_state(timestamptz, timestamptz, timestamptz) to authenticated, service_role;

create function private.key_json(key jsonb) returns jsonb
language plpgsql stable set search_path = '' as $$
begin
  return jsonb_build_object(
    'id', key -> 'id', 'name', key -> 'name', 'key_prefix', key -> 'key_prefix',
    'is_active', private.key_state((key ->> 'revoked_at')::timestamptz, (key ->> 'grace_ends_at')::timestamptz,
      (key ->> 'expires_at')::timestamptz) = 'active',
    'last_used_at', key -> 'last_used_at', 'expires_at', key -> 'expires_at', 'created_at', key -> 'created_at');
end $$;
comment on function private.key_json(jsonb) is 'A key as the API shows it, from any of the key tables, without its secret.';
grant execute on function private.key_json(jsonb) to authenticated, service_role;

create function private.api_key_json(key jsonb) returns jsonb
language plpgsql stable set search_path = '' as $$
begin
  return private.key_json(key) || jsonb_build_object('grace_ends_at', key -> 'grace_ends_at',
    'status', private.key_state((key ->> 'revoked_at')::timestamptz, (key ->> 'grace_ends_at')::timestamptz,
      (key ->> 'expires_at')::timestamptz));
end $$;
comment on function private.api_key_json(jsonb) is 'A key with where it stands: status active, revoked, rotated or expired.';
grant execute on function private.api_key_json(jsonb) to authenticated, service_role;

create function private.create_api_key(credentials jsonb, project_id uuid, key jsonb) returns jsonb
language plpgsql set search_path = '' as $$
declare
  allowed integer;
  created public.api_keys;
begin
  perform private.enter(credentials, 'projects');
  perform private.require_project(project_id);
  perform private.as_service();
  -- The lock makes two creates in one project take turns, so that the count below is the truth.
  perform from public.projects p where p.id = create_api_key.project_id for update;
  select plan.api_keys_per_project into allowed
  from public.projects p
  join public.users owner on owner.id = p.owner_id
  left join public.plans plan on plan.id = coalesce(p.plan_id, owner.plan_id)
  where p.id = create_api_key.project_id;
  if (
    select count(*) from public.api_keys k where k.project_id = create_api_key.project_id and k.grace_ends_at is null
      and private.key_state(k.revoked_at, k.grace_ends_at, k.expires_at) = 'active'
  ) >= allowed then
    raise exception 'api_key_limit_reached' using errcode = 'PT403';
  end if;
  insert into public.api_keys (project_id, name, key_prefix, key_hash, expires_at)
  values (create_api_key.project_id, key ->> 'name', key ->> 'key_prefix', decode(key ->> 'key_hash', 'hex'),
    (key ->> 'expires_at')::timestamptz)
  returning * into created;
  return private.api_key_json(to_jsonb(created));
end $$;
comment on function private.create_api_key(jsonb, uuid, jsonb) is
  'POST /projects/{id}/api-keys. Errors: project_not_found (404), api_key_limit_reached (403), those of private.authorize.';

create function private.list_api_keys(credentials jsonb, project_id uuid) returns jsonb
language plpgsql set search_path = '' as $$
begin
  perform private.enter(credentials, 'projects');
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
  'GET /projects/{id}/api-keys, newest first. Errors: project_not_found (404), those of private.authorize.';
