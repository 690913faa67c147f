-- The account of an auth.users row. A user of Auth without an account may do nothing. An end user belongs to one project and
-- has an opaque auth.users.email, so one address can have an account in many projects.

create function private.fold_email(email text) returns text
language plpgsql immutable set search_path = '' as $$
begin
  -- This collation is the same on every server. Lower case has two forms of sigma, so they are made equal.
  return replace(lower(normalize(fold_email.email) collate "pg_c_utf8"), 'ς', 'σ');
end $$;
comment on function private.fold_email(text) is
  'The form that all spellings of an address share. Auth''s address is derived from it. The API has already converted the '
  'domain to ASCII.';
grant execute on function private.fold_email(text) to service_role;

create table public.users (
  id uuid primary key references auth.users (id) on delete cascade,
  role text not null constraint users_role check (role in ('operator', 'developer', 'end_user')),
  project_id uuid,
  plan_id text references public.plans (id) on delete restrict,
  email text not null constraint users_email_length check (length(email) between 3 and 320),
  email_fold text not null generated always as (private.fold_email(email)) stored,
  full_name text constraint users_full_name_length check (length(full_name) <= 255),
  email_verified_at timestamptz,
  deactivated_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  suspended_at timestamptz constraint users_suspended_is_closed check (suspended_at is null or deactivated_at is not null),
  generations_per_day integer constraint users_generations_per_day_positive check (generations_per_day > 0),
  generations_per_month integer constraint users_generations_per_month_positive check (generations_per_month > 0),
  concurrent_generations integer constraint users_concurrent_generations_positive check (concurrent_generations > 0),
  constraint users_end_user_has_project check ((role = 'end_user') = (project_id is not null)),
  constraint users_developer_has_plan check ((role = 'developer') = (plan_id is not null))
);
create unique index users_project_email on public.users (project_id, email_fold) nulls not distinct;
-- Lookups use "project_id is not distinct from", which cannot use an index on project_id.
create index users_email on public.users (email_fold);
create index users_plan_id on public.users (plan_id);
create index users_project_created on public.users (project_id, created_at desc, id desc);
create index users_closed_owners on public.users (id) where deactivated_at is not null and role <> 'end_user';

comment on table public.users is
  'Accounts: operators, developers, and the end users of projects. POST /auth/register and `npm run operator` create them: a '
  'row needs its user of Auth. A user of Auth without a row here is deleted after five minutes.';
comment on column public.users.id is 'Equals auth.users.id.';
comment on column public.users.role is 'operator runs the platform, developer owns projects, end_user uses one project.';
comment on column public.users.project_id is 'The project of an end user; null for developers and operators.';
comment on column public.users.plan_id is 'The plan of a developer; a project can override it.';
comment on column public.users.email is 'The real address. Unique per project for end users, overall for the others.';
comment on column public.users.email_fold is 'The lower-case form of the address, for comparisons.';
comment on column public.users.full_name is 'The person''s own spelling.';
comment on column public.users.email_verified_at is 'When the address was verified, else null.';
comment on column public.users.deactivated_at is 'When the account was deactivated, else null.';
comment on column public.users.generations_per_day is
  'Replaces user_generations_per_day of the project for this end user; null follows the project.';
comment on column public.users.generations_per_month is 'The same for user_generations_per_month.';
comment on column public.users.concurrent_generations is 'The same for user_concurrent.';
comment on column public.users.suspended_at is
  'When an operator deactivated the account. The owner of its project cannot activate it. Null otherwise.';
comment on column public.users.created_at is 'When the account was registered.';
comment on column public.users.updated_at is 'When it last changed.';

create function private.user_json(account public.users) returns jsonb
language plpgsql stable set search_path = '' as $$
begin
  return jsonb_build_object(
    'id', account.id, 'email', account.email, 'full_name', account.full_name,
    -- Clients use this name of the role.
    'role', case account.role when 'operator' then 'platform_operator' else account.role end,
    'is_active', account.deactivated_at is null, 'is_verified', account.email_verified_at is not null,
    'created_at', account.created_at, 'project_id', account.project_id);
end $$;
comment on function private.user_json(public.users) is 'An account in the form that the API shows its owner.';

create function private.auth_email(account public.users) returns text
language plpgsql immutable set search_path = '' as $$
begin
  return case
    when account.role = 'end_user' then account.id || '@' || account.project_id || '.users.invalid'
    -- Auth accepts only ASCII.
    when account.email_fold ~ '^[ -~]+$' then account.email_fold
    else account.id || '@developers.users.invalid'
  end;
end $$;
comment on function private.auth_email(public.users) is
  'The account''s address at Supabase Auth. An end user''s is opaque, so that no Auth endpoint finds a person by address.';

create function private.auth_email_at(account public.users, email text) returns text
language plpgsql immutable set search_path = '' as $$
declare
  moved public.users := account;
begin
  moved.email_fold := private.fold_email(auth_email_at.email);
  return private.auth_email(moved);
end $$;
comment on function private.auth_email_at(public.users, text) is
  'The address that the account would have at Auth if its own address were this one.';

create trigger users_touch before update on public.users
  for each row execute function private.touch_updated_at();

alter table public.users enable row level security;
create policy users_select_self_or_owner on public.users for select to authenticated
  using (id = (select private.actor_id()) or project_id = any ((select private.managed_project_ids())::uuid[]));

grant select on public.users to authenticated;
grant select, insert, update, delete on public.users to service_role;
grant execute on function private.user_json(public.users) to authenticated, service_role;
grant execute on function private.auth_email(public.users), private.auth_email_at(public.users, text) to service_role;
