-- The account behind every auth.users row that may do anything. End users live inside one project and their
-- auth.users.email is opaque, so one address can be an account in many projects.

create table public.users (
  id uuid primary key references auth.users (id) on delete cascade,
  role text not null constraint users_role check (role in ('operator', 'developer', 'end_user')),
  project_id uuid,
  plan_id text references public.plans (id) on delete restrict,
  email text not null constraint users_email_length check (length(email) between 3 and 320),
  full_name text constraint users_full_name_length check (length(full_name) <= 255),
  email_verified_at timestamptz,
  deactivated_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint users_end_user_has_project check ((role = 'end_user') = (project_id is not null)),
  constraint users_developer_has_plan check ((role = 'developer') = (plan_id is not null))
);

create unique index users_project_email on public.users (project_id, lower(email)) nulls not distinct;
-- Accounts are looked up with "project_id is not distinct from", which no index on project_id serves.
create index users_email on public.users (lower(email));
create index users_plan_id on public.users (plan_id);

comment on table public.users is 'Accounts: operators, developers, and the end users of one project each.';
comment on column public.users.id is 'Equals auth.users.id.';
comment on column public.users.project_id is 'The project of an end user; null for developers and operators.';
comment on column public.users.plan_id is 'The plan of a developer; a project can override it.';
comment on column public.users.email is 'The real address. Unique per project for end users, overall for the others.';
comment on column public.users.email_verified_at is 'When the address was proved, else null.';
comment on column public.users.deactivated_at is 'When the account was closed to its owner, else null.';
comment on column public.users.role is 'operator, developer or end_user; never changes.';
comment on column public.users.full_name is 'As the person wrote it.';
comment on column public.users.created_at is 'When the account was registered.';
comment on column public.users.updated_at is 'When the account last changed.';

create trigger users_touch before update on public.users
  for each row execute function private.touch_updated_at();

alter table public.users enable row level security;
grant select on public.users to authenticated;
grant select, insert, update, delete on public.users to service_role;

create function private.limit_session_lifetime() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  new.not_after := least(new.not_after, coalesce(new.created_at, now()) + interval '7 days');
  return new;
end $$;
comment on function private.limit_session_lifetime() is
  'Trigger: a session ends seven days after it began. Definer, because Auth''s own role writes the row.';

create trigger sessions_limit_lifetime before insert or update on auth.sessions
  for each row execute function private.limit_session_lifetime();
