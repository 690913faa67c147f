-- What a migration of ours may rely on besides PostgreSQL itself: Supabase's roles, and of the schemas of Auth and Storage
-- these tables and columns. Default privileges are the generous ones of a Supabase project.

do $$
declare
  wanted text;
begin
  foreach wanted in array array['anon', 'authenticated', 'service_role bypassrls'] loop
    if not exists (select from pg_catalog.pg_roles where rolname = split_part(wanted, ' ', 1)) then
      execute format('create role %s nologin noinherit', wanted);
    end if;
  end loop;
end $$;

create schema auth;
create schema storage;
create schema extensions;

create table auth.users (
  id uuid primary key,
  email text unique,
  email_change text,
  phone text,
  encrypted_password text,
  raw_app_meta_data jsonb,
  raw_user_meta_data jsonb,
  banned_until timestamptz,
  deleted_at timestamptz,
  created_at timestamptz default now()
);
create table auth.sessions (
  id uuid primary key,
  user_id uuid not null references auth.users (id) on delete cascade,
  not_after timestamptz,
  refreshed_at timestamp,
  user_agent text,
  ip inet,
  created_at timestamptz default now(),
  updated_at timestamptz default now()
);
create index sessions_user_id_idx on auth.sessions (user_id);
create table auth.refresh_tokens (
  id bigint generated always as identity primary key,
  session_id uuid references auth.sessions (id) on delete cascade,
  user_id varchar(255),
  token varchar(255),
  revoked boolean,
  parent varchar(255)
);

create table storage.buckets (
  id text primary key,
  name text not null unique,
  public boolean default false,
  file_size_limit bigint,
  allowed_mime_types text[]
);
create table storage.objects (
  id uuid primary key default gen_random_uuid(),
  bucket_id text references storage.buckets (id),
  name text,
  metadata jsonb,
  created_at timestamptz default now(),
  unique (bucket_id, name)
);
alter table storage.buckets enable row level security;
alter table storage.objects enable row level security;

grant usage on schema public to anon, authenticated, service_role;
alter default privileges in schema public grant all on tables to anon, authenticated, service_role;
alter default privileges in schema public grant all on sequences to anon, authenticated, service_role;
alter default privileges in schema public grant all on functions to anon, authenticated, service_role;
