-- Long-lived credentials of operators. The table stores only a SHA-256 hash and an eight-character prefix. Only service_role
-- may read the hash. The first two functions are for every kind of key.

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

comment on table public.operator_keys is 'Credentials of operators (X-Operator-Key, ok_…).';
comment on column public.operator_keys.id is 'Identifies the key; the key itself is not stored.';
comment on column public.operator_keys.user_id is 'The operator whom the key identifies.';
comment on column public.operator_keys.name is 'Chosen by the operator.';
comment on column public.operator_keys.key_prefix is 'The first eight characters, to recognise the key.';
comment on column public.operator_keys.key_hash is 'SHA-256 of the whole key. Only service_role may read it.';
comment on column public.operator_keys.last_used_at is 'Time of the last request with the key, accurate to about a minute.';
comment on column public.operator_keys.expires_at is 'When it stops working; null means never.';
comment on column public.operator_keys.revoked_at is 'When it was revoked, else null.';
comment on column public.operator_keys.created_at is 'When it was made.';

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

alter table public.operator_keys enable row level security;

grant select, insert, update, delete on public.operator_keys to service_role;
grant execute on function
  private.key_state(timestamptz, timestamptz, timestamptz),
  private.key_json(jsonb)
to authenticated, service_role;
