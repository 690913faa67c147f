-- Made from supabase/schemas by `npm run generate`. Schema e5589fb11ea3c5889027b6d91bf4fe3e6d1853979eb389adec79792b35a19eba

-- Nobody has access until a later line grants it. Schema `private` holds the functions that the API calls and the helpers
-- that policies call; PostgREST does not expose it. Functions find rows in the caller's role, under row-level security. To
-- write, each function sets the role service_role itself: everybody could call a helper that did so.

create schema if not exists private;
comment on schema private is 'Functions of the API and helpers of policies. Never exposed through PostgREST.';
revoke all on schema private from public;
grant usage on schema private to anon, authenticated, service_role;

alter default privileges revoke execute on functions from public;
alter default privileges in schema public revoke all on tables from anon, authenticated, service_role;
alter default privileges in schema public revoke all on sequences from anon, authenticated, service_role;
alter default privileges in schema public revoke all on functions from anon, authenticated, service_role;

create function private.touch_updated_at() returns trigger
language plpgsql set search_path = '' as $$
begin
  new.updated_at := now();
  return new;
end $$;
comment on function private.touch_updated_at() is 'Trigger: sets updated_at to the time of the transaction.';

create function private.search_pattern(search text) returns text
language plpgsql immutable set search_path = '' as $$
begin
  -- Pattern characters in a search are taken literally.
  return '%' || replace(replace(replace(search, '\', '\\'), '%', '\%'), '_', '\_') || '%';
end $$;
comment on function private.search_pattern(text) is 'The ilike pattern that finds a text anywhere; null finds nothing.';

grant execute on function private.search_pattern(text) to authenticated, service_role;

-- The caller, for policies: the account and project that private.authorize stored for this transaction, or those of a bare
-- PostgREST request.

create function private.session_actor_id() returns uuid
language plpgsql stable security definer set search_path = '' as $$
declare
  claims jsonb := nullif(current_setting('request.jwt.claims', true), '')::jsonb;
begin
  return (
    select account.id
    from public.users account
    join auth.sessions session on session.user_id = account.id
    left join public.projects project on project.id = account.project_id
    left join public.users owner on owner.id = project.owner_id
    where account.id = (claims ->> 'sub')::uuid
      and session.id = (claims ->> 'session_id')::uuid
      and session.not_after > now()
      and account.deactivated_at is null
      and (account.project_id is null
        or (project.is_active and project.deleted_at is null and owner.deactivated_at is null
          and (project.email_verification = 'optional' or account.email_verified_at is not null)))
  );
end $$;
comment on function private.session_actor_id() is
  'The account of a bare PostgREST request; null when its session, account or project has ended. Definer: the caller cannot '
  'read those tables.';

create function private.actor_id() returns uuid
language plpgsql stable set search_path = '' as $$
begin
  return coalesce(nullif(current_setting('app.user_id', true), '')::uuid, private.session_actor_id());
end $$;
comment on function private.actor_id() is
  'The caller''s account, or null: from the setting of private.authorize, else from the claims of the request.';

-- Policies need the caller's project in every statement. A lookup in the expression would cost a query each time. In its own
-- function it costs one only for bare PostgREST requests.
create function private.session_project_id() returns uuid
language plpgsql stable security definer set search_path = '' as $$
begin
  return (select account.project_id from public.users account where account.id = private.actor_id());
end $$;
comment on function private.session_project_id() is
  'The project of an end user who bypasses the API, or null. Definer: users has policies of its own.';

create function private.actor_project_id() returns uuid
language plpgsql stable set search_path = '' as $$
begin
  return coalesce(nullif(current_setting('app.project_id', true), '')::uuid, private.session_project_id());
end $$;
comment on function private.actor_project_id() is
  'The project that the caller acts in: that of the API request, else that of the end user. A deleted project has no caller.';

create function private.managed_project_ids() returns uuid[]
language plpgsql stable security definer set search_path = '' as $$
begin
  return array(
    select project.id from public.projects project
    where project.owner_id = private.actor_id() and project.deleted_at is null
  );
end $$;
comment on function private.managed_project_ids() is 'Projects that the caller owns. Definer: projects has policies of its own.';

grant execute on function
  private.session_actor_id(),
  private.actor_id(),
  private.session_project_id(),
  private.actor_project_id(),
  private.managed_project_ids()
to authenticated, service_role;

-- The limits of projects, in a table that operators can edit.

create table public.plans (
  id text primary key,
  requests_per_day integer constraint plans_requests_per_day_positive check (requests_per_day > 0),
  auth_calls_per_hour integer constraint plans_auth_calls_per_hour_positive check (auth_calls_per_hour > 0),
  generations_per_month integer constraint plans_generations_per_month_positive check (generations_per_month > 0),
  concurrent_generations integer constraint plans_concurrent_generations_positive check (concurrent_generations > 0),
  projects integer constraint plans_projects_positive check (projects > 0),
  api_keys_per_project integer constraint plans_api_keys_per_project_positive check (api_keys_per_project > 0),
  is_default boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  reads_per_minute integer constraint plans_reads_per_minute_positive check (reads_per_minute > 0),
  is_listed boolean not null default true
);
create unique index plans_is_default on public.plans (is_default) where is_default;

comment on table public.plans is 'Limits by plan. Null means unlimited. The default plan is given to new developers.';
comment on column public.plans.id is 'Name of the plan.';
comment on column public.plans.requests_per_day is
  'Requests per project and UTC day; of a developer who manages projects, per account.';
comment on column public.plans.auth_calls_per_hour is 'Logins and registrations per project, client address and hour.';
comment on column public.plans.generations_per_month is 'Charged generations per project and UTC month.';
comment on column public.plans.concurrent_generations is 'Generations of a project that may be pending or processing at once.';
comment on column public.plans.projects is 'Projects that one developer may own.';
comment on column public.plans.api_keys_per_project is 'Active API keys per project.';
comment on column public.plans.is_default is 'Whether new developers get this plan. At most one plan is the default.';
comment on column public.plans.created_at is 'When it was made.';
comment on column public.plans.updated_at is 'When it last changed.';
comment on column public.plans.is_listed is 'Whether developers without this plan see it.';
comment on column public.plans.reads_per_minute is
  'Requests per minute: of one account for its own state and the status of generations, or of one address for public data.';

create trigger plans_touch before update on public.plans
  for each row execute function private.touch_updated_at();

alter table public.plans enable row level security;

grant select, insert, update, delete on public.plans to service_role;

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

-- The design of a project's mail: one object in a column of projects. So a project is read, audited, transferred and deleted with it.

create function private.mail_settings(given jsonb) returns jsonb
language plpgsql immutable set search_path = '' as $$
begin
  return '{"sender_name": null, "logo_url": null, "accent_color": null, "language": "en", "footer": null}'::jsonb
    || coalesce(given, '{}');
end $$;
comment on function private.mail_settings(jsonb) is 'All settings for mail: the given ones, and defaults for the others.';

create function private.are_mail_settings(mail jsonb) returns boolean
language plpgsql immutable set search_path = '' as $$
declare
  names constant text[] := '{sender_name,logo_url,accent_color,language,footer}';
begin
  if jsonb_typeof(mail) is distinct from 'object' or not mail ?& names or mail - names <> '{}' then
    return false;
  end if;
  return not exists (select from jsonb_each(mail) field
      where jsonb_typeof(field.value) not in ('string', 'null') or field.value #>> '{}' ~ '[\x01-\x09\x0b-\x1f\x7f]')
    and coalesce(length(mail ->> 'sender_name') between 1 and 100 and mail ->> 'sender_name' !~ '\n', true)
    and coalesce(length(mail ->> 'logo_url') <= 2048 and mail ->> 'logo_url' ~ '^https://[!-~]+$', true)
    and coalesce(mail ->> 'accent_color' ~ '^#[0-9a-f]{6}$', true)
    and coalesce(mail ->> 'language' in ('en', 'de', 'fr', 'es', 'pt', 'ja'), false)
    and coalesce(length(mail ->> 'footer') between 1 and 500, true);
end $$;
comment on function private.are_mail_settings(jsonb) is
  'Whether an object is {sender_name, logo_url, accent_color, language, footer}, each within its bounds.';

grant execute on function
  private.mail_settings(jsonb),
  private.are_mail_settings(jsonb)
to service_role;

-- A tenant: it belongs to one developer and holds end users, API keys and generations.

create table public.projects (
  id uuid primary key default gen_random_uuid(),
  owner_id uuid not null references public.users (id) on delete cascade,
  plan_id text references public.plans (id) on delete restrict,
  name text not null constraint projects_name_length check (length(name) between 1 and 255),
  description text constraint projects_description_length check (length(description) <= 1000),
  is_active boolean not null default true,
  email_verification text not null default 'optional'
    constraint projects_email_verification check (email_verification in ('optional', 'required')),
  allowed_origins text[] not null default '{*}',
  site_url text constraint projects_site_url_length check (length(site_url) <= 2048),
  verify_url text constraint projects_verify_url_length check (length(verify_url) <= 2048),
  reset_url text constraint projects_reset_url_length check (length(reset_url) <= 2048),
  deleted_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  purge_at timestamptz constraint projects_purge_at_deleted check (purge_at is null or deleted_at is not null),
  purge_started_at timestamptz
    constraint projects_purge_started_at_deleted check (purge_started_at is null or deleted_at is not null),
  suspended_at timestamptz constraint projects_suspended_is_inactive check (suspended_at is null or not is_active),
  deleted_by_operator boolean not null default false
    constraint projects_deleted_by_operator_is_deleted check (not deleted_by_operator or deleted_at is not null),
  user_generations_per_day integer constraint projects_user_generations_per_day_positive check (user_generations_per_day > 0),
  user_generations_per_month integer
    constraint projects_user_generations_per_month_positive check (user_generations_per_month > 0),
  user_concurrent integer constraint projects_user_concurrent_positive check (user_concurrent > 0),
  mail jsonb not null default private.mail_settings(null) constraint projects_mail check (private.are_mail_settings(mail))
);
create index projects_owner on public.projects (owner_id, created_at desc, id desc);
create index projects_plan_id on public.projects (plan_id);
create index projects_hidden on public.projects (id) where deleted_at is not null or not is_active;
create index projects_purge_at on public.projects (purge_at) where purge_at is not null;
create index projects_deleted on public.projects (deleted_at desc, id desc) where deleted_at is not null;

comment on table public.projects is 'Tenants. Each belongs to one developer.';
comment on column public.projects.id is 'Apps send it as X-Project-ID. The paths of the project''s files begin with it.';
comment on column public.projects.owner_id is 'The developer (or operator) who manages the project.';
comment on column public.projects.plan_id is 'Overrides the owner''s plan; null follows it.';
comment on column public.projects.name is 'Shown to its developer.';
comment on column public.projects.description is 'Shown to its developer.';
comment on column public.projects.is_active is 'If false, the API refuses its keys and end users; its owner still manages it.';
comment on column public.projects.email_verification is 'Whether an end user must verify the address before the first login.';
comment on column public.projects.allowed_origins is
  'Browser origins that may call the API for this project; * allows every origin.';
comment on column public.projects.site_url is 'The app''s own URL. Our pages and mails link back to it.';
comment on column public.projects.verify_url is 'The app''s page for links of verification mails; null is the built-in page.';
comment on column public.projects.reset_url is 'The app''s page for links of reset mails; null is the built-in page.';
comment on column public.projects.deleted_at is 'When its owner deleted it; it is invisible from then on.';
comment on column public.projects.created_at is 'When it was made.';
comment on column public.projects.updated_at is 'When it last changed.';
comment on column public.projects.purge_at is
  'When the removal of a deleted project may begin, or when the next worker may continue it; null means never.';
comment on column public.projects.purge_started_at is 'When the removal began; from then on the project cannot be restored.';
comment on column public.projects.suspended_at is
  'When an operator deactivated the project. Its owner cannot activate it. Null otherwise.';
comment on column public.projects.user_generations_per_day is
  'Charged generations per end user and UTC day; null means only the plan''s limit.';
comment on column public.projects.user_generations_per_month is
  'Charged generations per end user and UTC month; null means only the plan''s limit.';
comment on column public.projects.user_concurrent is
  'Simultaneous generations per end user; null means only the plan''s limit.';
comment on column public.projects.mail is
  'The design of its mail: {sender_name, logo_url, accent_color, language, footer}; null is the built-in design.';
comment on column public.projects.deleted_by_operator is 'Whether an operator deleted it. Then its owner cannot restore it.';

-- Users and projects refer to each other, so the second table adds this key.
alter table public.users add constraint users_project_id_fkey
  foreign key (project_id) references public.projects (id) on delete cascade;

create function private.project_json(project public.projects) returns jsonb
language plpgsql stable set search_path = '' as $$
begin
  return jsonb_build_object(
    'id', project.id, 'owner_id', project.owner_id, 'name', project.name, 'description', project.description,
    'is_active', project.is_active, 'is_suspended', project.suspended_at is not null,
    'email_verification', project.email_verification,
    'allowed_origins', project.allowed_origins, 'site_url', project.site_url, 'verify_url', project.verify_url,
    'reset_url', project.reset_url, 'plan_id', project.plan_id,
    'user_generations_per_day', project.user_generations_per_day,
    'user_generations_per_month', project.user_generations_per_month, 'user_concurrent', project.user_concurrent,
    'mail', project.mail, 'created_at', project.created_at, 'updated_at', project.updated_at);
end $$;
comment on function private.project_json(public.projects) is 'A project as the API shows it.';

create function private.require_project(id uuid) returns public.projects
language plpgsql stable set search_path = '' as $$
declare
  project public.projects;
begin
  select * into project from public.projects p where p.id = require_project.id and p.deleted_at is null;
  if project.id is null then
    raise exception 'project_not_found';
  end if;
  return project;
end $$;
comment on function private.require_project(uuid) is
  'The project if row-level security shows it to the caller, else project_not_found.';

create function private.hold_project(id uuid) returns boolean
language plpgsql set search_path = '' as $$
declare
  v_is_active boolean;
begin
  select p.is_active into v_is_active from public.projects p where p.id = hold_project.id and p.deleted_at is null for share;
  if v_is_active is null then
    raise exception 'project_not_found';
  end if;
  return v_is_active;
end $$;
comment on function private.hold_project(uuid) is
  'Locks a project before a create in it, and returns whether it is active. A deletion then comes before or after the create: '
  'it finds what was created, or the create fails. Errors: project_not_found.';

create function private.hold_managed_project(id uuid) returns public.projects
language plpgsql set search_path = '' as $$
declare
  project public.projects;
begin
  select * into project from public.projects p
  where p.id = hold_managed_project.id and p.deleted_at is null
    and (p.owner_id = private.actor_id() or current_setting('app.user_role') = 'operator') for no key update;
  if project.id is null then
    raise exception 'project_not_found';
  end if;
  return project;
end $$;
comment on function private.hold_managed_project(uuid) is
  'Locks a project for a change by its owner or an operator. A change that waited for a transfer fails with project_not_found.';

create function private.create_project(credentials jsonb, project jsonb) returns jsonb
language plpgsql set search_path = '' as $$
declare
  owner uuid;
  allowed integer;
  created public.projects;
begin
  perform private.authorize_and_set_role(credentials, 'projects');
  perform set_config('role', 'service_role', true);
  owner := private.actor_id();
  -- The lock makes creates of one developer take turns, so the count below is correct.
  select plan.projects into allowed
  from public.users account left join public.plans plan on plan.id = account.plan_id
  where account.id = owner for update of account;
  if private.count_projects(owner) >= allowed then
    raise exception 'project_limit_reached';
  end if;
  insert into public.projects (owner_id, name, description, email_verification, allowed_origins, site_url, verify_url,
    reset_url, user_generations_per_day, user_generations_per_month, user_concurrent, mail)
  select owner, wanted.name, wanted.description, coalesce(wanted.email_verification, 'optional'),
    coalesce(wanted.allowed_origins, '{*}'), wanted.site_url, wanted.verify_url, wanted.reset_url,
    wanted.user_generations_per_day, wanted.user_generations_per_month, wanted.user_concurrent,
    private.mail_settings(project -> 'mail')
  from jsonb_populate_record(null::public.projects, project) as wanted
  returning * into created;
  return private.project_json(created);
end $$;
comment on function private.create_project(jsonb, jsonb) is
  'POST /projects. Errors: project_limit_reached, those of private.authorize.';

create function private.get_project(credentials jsonb, id uuid) returns jsonb
language plpgsql set search_path = '' as $$
begin
  perform private.authorize_and_set_role(credentials, 'projects');
  return private.project_json(private.require_project(id));
end $$;
comment on function private.get_project(jsonb, uuid) is
  'GET /projects/{id}. Errors: project_not_found, those of private.authorize.';

create function private.list_projects(credentials jsonb, search text, active boolean, page integer, page_size integer)
returns jsonb
language plpgsql set search_path = '' as $$
declare
  -- A pattern character in the search is a character, not a pattern.
  pattern text := private.search_pattern(search);
  total bigint;
  items jsonb;
begin
  perform private.authorize_and_set_role(credentials, 'projects');
  select count(*) into total from public.projects p
  where p.deleted_at is null and (search is null or p.name ilike pattern or p.description ilike pattern)
    and (active is null or p.is_active = active);
  select coalesce(jsonb_agg(private.project_json(on_page.project) order by on_page.created_at desc, on_page.id desc), '[]')
  into items
  from (
    select p as project, p.created_at, p.id from public.projects p
    where p.deleted_at is null and (search is null or p.name ilike pattern or p.description ilike pattern)
      and (active is null or p.is_active = active)
    order by p.created_at desc, p.id desc
    limit page_size offset (page - 1)::bigint * page_size
  ) as on_page;
  return jsonb_build_object('items', items, 'total', total);
end $$;
comment on function private.list_projects(jsonb, text, boolean, integer, integer) is
  'GET /projects, newest first. Pages start at 1. Errors: those of private.authorize.';

create function private.update_project(credentials jsonb, id uuid, changes jsonb) returns jsonb
language plpgsql set search_path = '' as $$
declare
  changed public.projects;
  wanted public.projects;
  is_operator boolean;
  wants_active boolean := changes ->> 'is_active';
begin
  perform private.authorize_and_set_role(credentials, 'projects');
  is_operator := current_setting('app.user_role') = 'operator';
  perform set_config('role', 'service_role', true);
  changed := private.hold_managed_project(id);
  if wants_active and changed.suspended_at is not null and not is_operator then
    raise exception 'project_suspended';
  end if;
  wanted := jsonb_populate_record(changed, changes - 'mail');
  update public.projects p
  set suspended_at = case when wants_active then null when not wants_active and is_operator then coalesce(p.suspended_at, now())
      else p.suspended_at end,
    name = coalesce(wanted.name, p.name), description = wanted.description, is_active = coalesce(wanted.is_active, p.is_active),
    email_verification = coalesce(wanted.email_verification, p.email_verification),
    allowed_origins = coalesce(wanted.allowed_origins, p.allowed_origins),
    site_url = wanted.site_url, verify_url = wanted.verify_url, reset_url = wanted.reset_url,
    user_generations_per_day = wanted.user_generations_per_day,
    user_generations_per_month = wanted.user_generations_per_month, user_concurrent = wanted.user_concurrent,
    mail = p.mail || coalesce(changes -> 'mail', '{}')
  where p.id = update_project.id
  returning * into changed;
  return private.project_json(changed);
end $$;
comment on function private.update_project(jsonb, uuid, jsonb) is
  'PATCH /projects/{id}: fields that are not named stay. Only an operator activates a project that an operator deactivated. Errors: '
  'project_not_found, project_suspended, those of private.authorize.';

create trigger projects_touch before update on public.projects
  for each row execute function private.touch_updated_at();

alter table public.projects enable row level security;
create policy projects_select_owner on public.projects for select to authenticated
  using (owner_id = (select private.actor_id()) and deleted_at is null);

grant select on public.projects to authenticated;
grant select, insert, update, delete on public.projects to service_role;
grant execute on function
  private.project_json(public.projects),
  private.require_project(uuid)
to authenticated, service_role;
grant execute on function private.hold_project(uuid), private.hold_managed_project(uuid) to service_role;

-- A deleted project is refused everywhere at once. Its owner may restore it until its removal begins. The removal works in
-- batches, and may stop and continue at any point.

create function private.list_deleted_projects(
  credentials jsonb, search text, active boolean, page integer, page_size integer) returns jsonb
language plpgsql set search_path = '' as $$
declare
  pattern text := private.search_pattern(search);
  is_operator boolean;
  total bigint;
  items jsonb;
begin
  perform private.authorize_and_set_role(credentials, 'projects');
  -- Policies hide a deleted project from its owner too, so ownership is decided here; an operator sees all.
  is_operator := current_setting('app.user_role') = 'operator';
  perform set_config('role', 'service_role', true);
  select count(*) into total from public.projects p
  where p.deleted_at is not null and p.purge_started_at is null and (is_operator or p.owner_id = private.actor_id())
    and (search is null or p.name ilike pattern or p.description ilike pattern)
    and (active is null or p.is_active = active);
  select coalesce(jsonb_agg(private.project_json(on_page.project)
    || jsonb_build_object('deleted_at', on_page.deleted_at, 'removed_after', on_page.purge_at)
    order by on_page.deleted_at desc, on_page.id desc), '[]')
  into items
  from (
    select p as project, p.deleted_at, p.purge_at, p.id from public.projects p
    where p.deleted_at is not null and p.purge_started_at is null and (is_operator or p.owner_id = private.actor_id())
      and (search is null or p.name ilike pattern or p.description ilike pattern)
      and (active is null or p.is_active = active)
    order by p.deleted_at desc, p.id desc
    limit page_size offset (page - 1)::bigint * page_size
  ) as on_page;
  return jsonb_build_object('items', items, 'total', total);
end $$;
comment on function private.list_deleted_projects(jsonb, text, boolean, integer, integer) is
  'GET /projects?deleted=true: the projects that can still be restored, last deleted first. Errors: those of private.authorize.';

create function private.delete_project(credentials jsonb, id uuid, purge_days integer) returns jsonb
language plpgsql set search_path = '' as $$
declare
  predictions jsonb := '[]';
  is_operator boolean;
  running uuid;
  prediction text;
begin
  perform private.authorize_and_set_role(credentials, 'projects');
  is_operator := current_setting('app.user_role') = 'operator';
  perform set_config('role', 'service_role', true);
  perform private.hold_managed_project(id);
  update public.projects p
  set deleted_at = now(), purge_at = now() + make_interval(days => purge_days), deleted_by_operator = is_operator
  where p.id = delete_project.id;
  for running in
    select g.id from public.generations g
    where g.project_id = delete_project.id and g.status in ('pending', 'processing') order by g.id
  loop
    select ended.prediction_id into prediction from private.end_canceled(running, 'project_deleted',
      '{"refunded": "The project was deleted.", "charged": "The project was deleted."}') as ended;
    if prediction is not null then
      predictions := predictions || to_jsonb(prediction);
    end if;
  end loop;
  return predictions;
end $$;
comment on function private.delete_project(jsonb, uuid, integer) is
  'DELETE /projects/{id}: refuses the project from now on; its removal begins after purge_days. Returns the predictions that '
  'must be canceled. The owner cannot restore a project that an operator deleted. Errors: project_not_found, those of '
  'private.authorize.';

create function private.restore_project(credentials jsonb, id uuid) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_actor uuid;
  allowed integer;
  project public.projects;
begin
  perform private.authorize_and_set_role(credentials, 'projects');
  v_actor := private.actor_id();
  perform set_config('role', 'service_role', true);
  -- Policies hide a deleted project from its owner too, so ownership is decided here.
  select * into project from public.projects p
  where p.id = restore_project.id and (p.owner_id = v_actor or current_setting('app.user_role') = 'operator')
  for update;
  if project.id is null then
    raise exception 'project_not_found';
  elsif project.deleted_at is null then
    return private.project_json(project);
  elsif project.deleted_by_operator and current_setting('app.user_role') is distinct from 'operator' then
    raise exception 'project_suspended';
  end if;
  select plan.projects into allowed
  from public.users account left join public.plans plan on plan.id = account.plan_id
  where account.id = project.owner_id for update of account;
  update public.projects p set deleted_at = null, purge_at = null, deleted_by_operator = false
  where p.id = project.id and p.purge_started_at is null
  returning * into project;
  if project.id is null then
    raise exception 'restore_window_over';
  elsif private.count_projects(project.owner_id) > allowed then
    raise exception 'project_limit_reached';
  end if;
  return private.project_json(project);
end $$;
comment on function private.restore_project(jsonb, uuid) is
  'POST /projects/{id}/restore; a project that is not deleted is returned as it is. Errors: project_not_found, '
  'project_suspended, project_limit_reached, restore_window_over, those of private.authorize.';

create function private.claim_project_purges(batch_size integer, lease_seconds integer) returns jsonb
language plpgsql set search_path = '' as $$
declare
  claimed jsonb;
begin
  perform set_config('role', 'service_role', true);
  with due as (
    select p.id from public.projects p
    where p.purge_at <= now()
    order by p.purge_at
    limit batch_size
    for update skip locked
  ), taken as (
    update public.projects p
    set purge_started_at = coalesce(p.purge_started_at, now()), purge_at = now() + make_interval(secs => lease_seconds)
    from due where p.id = due.id
    returning p.id
  )
  select coalesce(jsonb_agg(taken.id), '[]') into claimed from taken;
  return claimed;
end $$;
comment on function private.claim_project_purges(integer, integer) is
  'Claims deleted projects that are due for removal, each for one worker until its lease ends. They can no longer be restored.';

create function private.purge_project_users(project_id uuid, batch_size integer) returns integer
language plpgsql security definer set search_path = '' as $$
declare
  removed integer;
begin
  with batch as (
    select account.id from public.users account
    join public.projects project on project.id = account.project_id and project.purge_started_at is not null
    where account.project_id = purge_project_users.project_id
    limit batch_size
  )
  delete from auth.users u using batch where u.id = batch.id;
  get diagnostics removed = row_count;
  return removed;
end $$;
comment on function private.purge_project_users(uuid, integer) is
  'Deletes accounts of a project during its removal, with their auth users and sessions. Returns how many. Definer: only the '
  'owner may write auth.users.';

create function private.purge_project(id uuid, batch_size integer, lease_seconds integer) returns jsonb
language plpgsql set search_path = '' as $$
declare
  prefix text := id || '/';
  files jsonb;
  removed integer;
begin
  perform set_config('role', 'service_role', true);
  update public.projects p set purge_at = now() + make_interval(secs => lease_seconds)
  where p.id = purge_project.id and p.purge_started_at is not null;
  if not found then
    return jsonb_build_object('files', '[]'::jsonb, 'rows', 0, 'done', true);
  end if;
  -- Files come first in every step, so files that were still being written at the deletion are found too.
  select coalesce(jsonb_agg(jsonb_build_object('bucket', found.bucket_id, 'path', found.name)), '[]') into files
  from (
    select o.bucket_id, o.name from storage.objects o
    where o.bucket_id in ('uploads', 'generations')
      and o.name collate "C" >= prefix and o.name collate "C" < replace(prefix, '/', '0')
    limit batch_size
  ) as found;
  if files <> '[]' then
    return jsonb_build_object('files', files, 'rows', 0, 'done', false);
  end if;
  delete from public.generations g where g.id in (
    select o.id from public.generations o where o.project_id = purge_project.id limit batch_size);
  get diagnostics removed = row_count;
  if removed = 0 then
    -- Otherwise the deletion of the project's row would delete all of them in one statement.
    delete from public.webhook_deliveries d where d.id in (
      select o.id from public.webhook_deliveries o where o.project_id = purge_project.id limit batch_size);
    get diagnostics removed = row_count;
  end if;
  if removed = 0 then
    removed := private.purge_project_users(id, batch_size);
  end if;
  if removed > 0 then
    return jsonb_build_object('files', files, 'rows', removed, 'done', false);
  end if;
  perform private.remember_removed_project(id);
  delete from public.projects p where p.id = purge_project.id;
  return jsonb_build_object('files', files, 'rows', 1, 'done', true);
end $$;
comment on function private.purge_project(uuid, integer, integer) is
  'One bounded step of a removal: {files: [{bucket, path}], rows, done}. The caller removes the files through Storage and '
  'calls again until done. Every step extends the lease. A repeated step removes nothing twice.';

grant execute on function private.purge_project_users(uuid, integer) to service_role;

-- A developer lists and changes the end users of a project. A list and its total use the same conditions, so they agree.

create function private.project_user_json(account public.users, project_name text) returns jsonb
language plpgsql stable set search_path = '' as $$
begin
  return private.user_json(account) || jsonb_build_object('joined_at', account.created_at, 'project_name', project_name,
    'generations_per_day', account.generations_per_day, 'generations_per_month', account.generations_per_month,
    'concurrent_generations', account.concurrent_generations);
end $$;
comment on function private.project_user_json(public.users, text) is 'An end user as the project''s developer sees it.';

-- A search runs once, for the page and its total. Without a search, an index gives the page and the count.
create function private.list_project_users(
  credentials jsonb, project_id uuid, search text, active boolean, page integer, page_size integer)
returns jsonb
language plpgsql set search_path = '' as $$
declare
  pattern text := private.search_pattern(search);
  total bigint;
  items jsonb;
begin
  perform private.authorize_and_set_role(credentials, 'projects');
  if list_project_users.project_id is not null then
    perform private.require_project(project_id);
  end if;
  if search is null then
    select count(*) into total
    from public.users u join public.projects p on p.id = u.project_id and p.deleted_at is null
    where (list_project_users.project_id is null or u.project_id = list_project_users.project_id)
      and (active is null or (u.deactivated_at is null) = active);
    select coalesce(jsonb_agg(private.project_user_json(on_page.account, on_page.project_name)
      order by on_page.created_at desc, on_page.id desc), '[]')
    into items
    from (
      select u as account, u.created_at, u.id, p.name as project_name
      from public.users u join public.projects p on p.id = u.project_id and p.deleted_at is null
      where (list_project_users.project_id is null or u.project_id = list_project_users.project_id)
        and (active is null or (u.deactivated_at is null) = active)
      order by u.created_at desc, u.id desc
      limit page_size offset (page - 1)::bigint * page_size
    ) as on_page;
  else
    with found as materialized (
      select u.id, u.created_at, p.name as project_name
      from public.users u join public.projects p on p.id = u.project_id and p.deleted_at is null
      where (list_project_users.project_id is null or u.project_id = list_project_users.project_id)
        and (u.email ilike pattern or u.full_name ilike pattern)
        and (active is null or (u.deactivated_at is null) = active)
    ), on_page as (
      select * from found order by created_at desc, id desc limit page_size offset (page - 1)::bigint * page_size
    )
    select (select count(*) from found), coalesce(jsonb_agg(private.project_user_json(u, on_page.project_name)
      order by u.created_at desc, u.id desc), '[]')
    into total, items
    from on_page join public.users u using (id);
  end if;
  return jsonb_build_object('users', items, 'total', total, 'page', page, 'page_size', page_size);
end $$;
comment on function private.list_project_users(jsonb, uuid, text, boolean, integer, integer) is
  'End users of one project, or with null of all projects that the caller manages, newest first. Errors: project_not_found, '
  'those of private.authorize.';

create function private.update_project_user(credentials jsonb, project_id uuid, user_id uuid, changes jsonb) returns jsonb
language plpgsql set search_path = '' as $$
declare
  project public.projects;
  account public.users;
  wanted public.users;
  is_operator boolean;
  wants_active boolean := changes ->> 'is_active';
begin
  perform private.authorize_and_set_role(credentials, 'projects');
  is_operator := current_setting('app.user_role') = 'operator';
  project := private.require_project(project_id);
  if not exists (select from public.users u
    where u.id = update_project_user.user_id and u.project_id = update_project_user.project_id)
  then
    raise exception 'user_not_found';
  end if;
  perform set_config('role', 'service_role', true);
  select * into account from public.users u where u.id = update_project_user.user_id for update;
  if wants_active and account.suspended_at is not null and not is_operator then
    raise exception 'account_suspended';
  end if;
  wanted := jsonb_populate_record(account, changes);
  update public.users u
  set deactivated_at = case when wants_active then null when not wants_active then coalesce(u.deactivated_at, now())
      else u.deactivated_at end,
    suspended_at = case when wants_active then null when not wants_active and is_operator then coalesce(u.suspended_at, now())
      else u.suspended_at end,
    generations_per_day = wanted.generations_per_day, generations_per_month = wanted.generations_per_month,
    concurrent_generations = wanted.concurrent_generations
  where u.id = update_project_user.user_id and u.project_id = update_project_user.project_id
  returning * into account;
  if account.id is null then
    raise exception 'user_not_found';
  end if;
  -- A token that was stolen before the deactivation must not work again.
  if not wants_active then
    perform private.end_user_sessions(account.id, null);
  end if;
  return private.project_user_json(account, project.name);
end $$;
comment on function private.update_project_user(jsonb, uuid, uuid, jsonb) is
  'PATCH /projects/{id}/users/{user_id}: deactivates an account and ends its sessions, activates it, or sets its limits. Only '
  'an operator can activate an account that an operator deactivated. Errors: project_not_found, user_not_found, '
  'account_suspended, those of private.authorize.';

grant execute on function private.project_user_json(public.users, text) to authenticated, service_role;

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

-- Counts of requests per API key. Each isolate counts in memory and writes in batches, so no request waits for a row.

create table public.key_usage (
  api_key_id uuid not null references public.api_keys (id) on delete cascade,
  day date not null,
  requests integer not null default 0 constraint key_usage_requests_positive check (requests >= 0),
  errors integer not null default 0 constraint key_usage_errors_positive check (errors >= 0),
  primary key (api_key_id, day)
);
create index key_usage_day on public.key_usage (day);

comment on table public.key_usage is 'Requests with an API key, per UTC day. Written in batches, some seconds late.';
comment on column public.key_usage.api_key_id is 'The key of the requests.';
comment on column public.key_usage.day is 'The UTC day.';
comment on column public.key_usage.requests is 'All requests, refused ones too.';
comment on column public.key_usage.errors is 'The requests with a status of 400 or more.';

create function private.record_key_usage(batch jsonb) returns void
language plpgsql set search_path = '' as $$
begin
  perform set_config('role', 'service_role', true);
  -- All isolates write in the order of the keys, so that they do not deadlock.
  insert into public.key_usage as usage (api_key_id, day, requests, errors)
  select k.id, entry.day, entry.requests, entry.errors
  from jsonb_to_recordset(batch) as entry (kind text, key_hash text, day date, requests integer, errors integer)
  join public.api_keys k on k.key_hash = decode(entry.key_hash, 'hex')
  where entry.kind = 'api_key'
  order by k.id, entry.day
  on conflict (api_key_id, day) do update
  set requests = usage.requests + excluded.requests, errors = usage.errors + excluded.errors;

  -- Skips rows that another isolate is writing, since it writes the same minute.
  with used as (
    select entry.kind, decode(entry.key_hash, 'hex') as key_hash, max(entry.used_at) as used_at
    from jsonb_to_recordset(batch) as entry (kind text, key_hash text, used_at timestamptz)
    group by entry.kind, entry.key_hash
  ), stale_api_keys as (
    select k.id, used.used_at from public.api_keys k join used on used.kind = 'api_key' and used.key_hash = k.key_hash
    where k.last_used_at is null or k.last_used_at < used.used_at - interval '1 minute'
    for update of k skip locked
  ), stale_developer_keys as (
    select k.id, used.used_at from public.developer_keys k join used on used.kind = 'developer_key' and used.key_hash = k.key_hash
    where k.last_used_at is null or k.last_used_at < used.used_at - interval '1 minute'
    for update of k skip locked
  ), stale_operator_keys as (
    select k.id, used.used_at from public.operator_keys k join used on used.kind = 'operator_key' and used.key_hash = k.key_hash
    where k.last_used_at is null or k.last_used_at < used.used_at - interval '1 minute'
    for update of k skip locked
  ), used_api_keys as (
    update public.api_keys k set last_used_at = stale.used_at from stale_api_keys stale where k.id = stale.id
  ), used_developer_keys as (
    update public.developer_keys k set last_used_at = stale.used_at from stale_developer_keys stale where k.id = stale.id
  )
  update public.operator_keys k set last_used_at = stale.used_at from stale_operator_keys stale where k.id = stale.id;
end $$;
comment on function private.record_key_usage(jsonb) is
  'Adds the counts of one isolate: [{kind, key_hash, day, requests, errors, used_at}]. Kind is api_key, developer_key or '
  'operator_key; hashes of unknown keys are ignored. last_used_at changes at most once a minute.';

create function private.get_api_key_usage(credentials jsonb, project_id uuid, key_id uuid, days integer) returns jsonb
language plpgsql set search_path = '' as $$
declare
  today date := (now() at time zone 'utc')::date;
  items jsonb;
begin
  perform private.authorize_and_set_role(credentials, 'projects');
  perform private.require_api_key(project_id, key_id);
  perform set_config('role', 'service_role', true);
  select jsonb_agg(jsonb_build_object('day', calendar.day, 'requests', coalesce(usage.requests, 0),
    'errors', coalesce(usage.errors, 0)) order by calendar.day)
  into items
  from (select today - back as day from generate_series(0, get_api_key_usage.days - 1) as back) as calendar
  left join public.key_usage usage on usage.api_key_id = get_api_key_usage.key_id and usage.day = calendar.day;
  return items;
end $$;
comment on function private.get_api_key_usage(jsonb, uuid, uuid, integer) is
  'GET …/api-keys/{key_id}/usage: one entry per UTC day, oldest first, today last. Errors: api_key_not_found, those of '
  'private.authorize.';

alter table public.key_usage enable row level security;

grant select, insert, update, delete on public.key_usage to service_role;

-- Rate limits. private.authorize chooses the limit of a request. The last expression of the same statement counts the request.
-- So the counter's row is locked only briefly, and no request waits for another one's work.

-- Half of each page stays free, so that a count is written beside its old version and no index changes.
create unlogged table private.rate_limits (
  bucket text primary key,
  used integer not null,
  resets_at timestamptz not null
) with (fillfactor = 50);
create index rate_limits_resets_at on private.rate_limits (resets_at);

comment on table private.rate_limits is
  'Requests of the current window of each bucket. Unlogged: counting costs no disk write, and after a crash all counts start '
  'at zero.';
comment on column private.rate_limits.bucket is 'A limit and its subject; an address only as a hash.';
comment on column private.rate_limits.used is 'Allowed requests in the window; refused ones do not count.';
comment on column private.rate_limits.resets_at is 'The end of the window. A later request begins the next one in the same row.';

create function private.limit_state(name text, allowed integer, used integer, seconds integer, resets_at timestamptz)
returns jsonb
language plpgsql stable set search_path = '' as $$
begin
  return jsonb_build_object('name', name, 'limit', allowed, 'remaining', greatest(0, allowed - used),
    'window', seconds, 'resets_in', greatest(1, ceil(extract(epoch from resets_at - now()))::integer));
end $$;
comment on function private.limit_state(text, integer, integer, integer, timestamptz) is
  'The state of a limit for the caller: {name, limit, remaining, window, resets_in}, the last two in seconds.';

create function private.announce_limit(name text, bucket text, allowed integer, seconds integer, credentials jsonb)
returns text
language plpgsql set search_path = '' as $$
#variable_conflict use_column
declare
  known private.rate_limits;
begin
  if allowed is null then
    return '';
  end if;
  -- A caller over the limit is refused before any work. If Redis counts, Redis decides.
  if credentials ->> 'counter' is distinct from 'redis' then
    select * into known from private.rate_limits r
    where r.bucket = announce_limit.bucket and r.resets_at > now() and r.used >= allowed;
    if known.bucket is not null then
      raise exception 'rate_limited' using
        detail = jsonb_build_object('rate_limit', private.limit_state(name, allowed, known.used, seconds, known.resets_at));
    end if;
  end if;
  return set_config('app.limit', concat_ws('|', name, bucket, allowed, seconds), true);
end $$;
comment on function private.announce_limit(text, text, integer, integer, jsonb) is
  'Stores the limit of the request in app.limit for this transaction, as name|bucket|limit|seconds; null means no limit. '
  'Errors: rate_limited (detail: private.limit_state).';

create function private.count_request(announced text) returns jsonb
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  part text[];
  allowed integer;
  seconds integer;
  counted integer;
  window_end timestamptz;
begin
  -- This request was already counted, by other rules.
  if starts_with(announced, '{') then
    return announced;
  end if;
  part := string_to_array(announced, '|');
  allowed := part[3];
  seconds := part[4];
  -- Most requests are neither the first of a window nor over the limit. An update costs less than an upsert.
  update private.rate_limits known set used = known.used + 1
  where known.bucket = part[2] and known.resets_at > now() and known.used < allowed
  returning used, resets_at into counted, window_end;
  if counted is null then
    window_end := to_timestamp((floor(extract(epoch from now()) / seconds) + 1) * seconds);
    insert into private.rate_limits as known (bucket, used, resets_at) values (part[2], 1, window_end)
    on conflict (bucket) do update
      set used = case when known.resets_at > now() then known.used + 1 else 1 end,
        resets_at = case when known.resets_at > now() then known.resets_at else excluded.resets_at end
      where known.resets_at <= now() or known.used < allowed
    returning used, resets_at into counted, window_end;
  end if;
  if counted is null then
    select resets_at into window_end from private.rate_limits known where known.bucket = part[2];
    raise exception 'rate_limited' using
      detail = jsonb_build_object('rate_limit', private.limit_state(part[1], allowed, allowed, seconds, window_end));
  end if;
  return private.limit_state(part[1], allowed, counted, seconds, window_end);
end $$;
comment on function private.count_request(text) is
  'Counts a request against the announced limit, in one statement under the row''s lock. A refusal also undoes the work of its '
  'transaction. A limit as JSON was counted before and is only returned. Windows begin at multiples of their length. Definer: '
  'the caller''s role has changed by then. Errors: rate_limited (detail: private.limit_state).';

create function private.take_requests(announced text, most integer) returns jsonb
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  part text[] := string_to_array(announced, '|');
  allowed integer := part[3];
  taken integer;
begin
  select greatest(1, least(most, (allowed - known.used) / 32)) into taken
  from private.rate_limits known where known.bucket = part[2] and known.resets_at > now() for update;
  if taken > 1 then
    update private.rate_limits known set used = known.used + taken - 1 where known.bucket = part[2];
  end if;
  return private.count_request(announced) || jsonb_build_object('taken', coalesce(taken, 1));
end $$;
comment on function private.take_requests(text, integer) is
  'Counts several requests for an instance, which answers the next ones without a count. It counts `most`, but at most a 32nd '
  'of the rest, and at least one. Returns the new state, with `taken`. Definer: as private.count_request. Errors: rate_limited '
  '(detail: private.limit_state).';

create function private.address_bucket(purpose text, project_id uuid, ip text) returns text
language plpgsql immutable set search_path = '' as $$
begin
  return private.bucket_name(purpose, coalesce(project_id::text, '') || ':' || coalesce(private.address_group(ip), 'unknown'));
end $$;
comment on function private.address_bucket(text, uuid, text) is
  'The bucket of a client address in a project. Callers with an unknown address share one.';

create function private.announce_auth_limit(credentials jsonb) returns void
language plpgsql set search_path = '' as $$
declare
  v_project uuid;
  allowed integer;
  announced text;
begin
  if exists (select from public.operator_keys k
    join public.users u on u.id = k.user_id and u.role = 'operator' and u.deactivated_at is null
    where k.key_hash = decode(credentials ->> 'operator_key_hash', 'hex') and k.revoked_at is null
      and (k.expires_at is null or k.expires_at > now()))
  then
    return;
  end if;
  select p.id, plan.auth_calls_per_hour into v_project, allowed
  from public.projects p
  join public.users owner on owner.id = p.owner_id
  left join public.plans plan on plan.id = coalesce(p.plan_id, owner.plan_id)
  where p.id = (credentials ->> 'project_id')::uuid and p.deleted_at is null;
  if v_project is null then
    select plan.auth_calls_per_hour into allowed from public.plans plan where plan.is_default;
  end if;
  announced := private.announce_limit('auth', private.address_bucket('auth', v_project, credentials ->> 'ip'), allowed, 3600,
    credentials);
end $$;
comment on function private.announce_auth_limit(jsonb) is
  'The limit of a login or registration. It counts before all other checks, by the project''s plan, or by the default plan if '
  'no project is named. Errors: rate_limited.';

alter table private.rate_limits enable row level security;

grant select, delete on private.rate_limits to service_role;
grant execute on function private.limit_state(text, integer, integer, integer, timestamptz) to service_role;

-- Limits on attempts. Leaky buckets fill with attempts and drain with time. A full bucket requires a wait of seconds, never of
-- hours. So an attacker cannot lock a person out, and one person cannot lock out an office behind one address.

create unlogged table private.auth_attempts (
  bucket text primary key,
  level double precision not null,
  drained_at timestamptz not null
);
create index auth_attempts_drained_at on private.auth_attempts (drained_at);

comment on table private.auth_attempts is
  'Leaky buckets of sign-ins, mails and codes. Unlogged: counting costs no disk write, and a crash empties them.';
comment on column private.auth_attempts.bucket is 'A purpose and the hash of the subject, never an address in plain text.';
comment on column private.auth_attempts.level is 'Attempts in the bucket at drained_at.';
comment on column private.auth_attempts.drained_at is 'When the level was last computed. It has drained since.';

create function private.bucket_name(purpose text, subject text) returns text
language plpgsql immutable set search_path = '' as $$
begin
  return purpose || ':' || encode(sha256(convert_to(subject, 'utf8')), 'hex');
end $$;
comment on function private.bucket_name(text, text) is
  'The name of a bucket. It contains a hash, so it does not reveal its subject.';

-- On a dual-stack socket an IPv4 client appears as ::ffff:203.0.113.7. All of those lie in one /64.
create function private.address_group(ip text) returns text
language plpgsql immutable set search_path = '' as $$
begin
  return case
    when ip::inet << '::ffff:0:0/96' then substr(host(ip::inet), 8)
    when family(ip::inet) = 6 then network(set_masklen(ip::inet, 64))::text
    else host(ip::inet) end;
end $$;
comment on function private.address_group(text) is
  'An IPv4 address, also within IPv6, or the /64 of an IPv6 one: what one customer of a provider gets.';

create function private.fill_bucket(bucket text, capacity integer, seconds_per_drop double precision) returns integer
language plpgsql set search_path = '' as $$
#variable_conflict use_column
declare
  missing double precision;
begin
  insert into private.auth_attempts as known (bucket, level, drained_at) values (fill_bucket.bucket, 1, now())
  on conflict (bucket) do update
    set level = greatest(0, known.level - extract(epoch from now() - known.drained_at) / seconds_per_drop) + 1,
      drained_at = now()
    where greatest(0, known.level - extract(epoch from now() - known.drained_at) / seconds_per_drop) + 1 <= capacity;
  if found then
    return 0;
  end if;
  select greatest(0, known.level - extract(epoch from now() - known.drained_at) / seconds_per_drop) + 1 - capacity
  into missing
  from private.auth_attempts known where known.bucket = fill_bucket.bucket;
  return greatest(1, ceil(missing * seconds_per_drop));
end $$;
comment on function private.fill_bucket(text, integer, double precision) is
  'Counts one attempt and returns 0. If the bucket is full, it counts nothing and returns the seconds to wait. One statement, '
  'so parallel attempts cannot slip past each other.';

create function private.drain_bucket(bucket text) returns void
language plpgsql set search_path = '' as $$
#variable_conflict use_column
begin
  update private.auth_attempts known set level = greatest(0, known.level - 1) where known.bucket = drain_bucket.bucket;
end $$;
comment on function private.drain_bucket(text) is 'Uncounts an attempt that was correct.';

create function private.count_sign_in(project_id uuid, email text, ip text) returns void
language plpgsql set search_path = '' as $$
declare
  account text := coalesce(project_id::text, '') || ':' || private.fold_email(email);
  source text := private.address_group(ip);
  wait integer;
begin
  wait := private.fill_bucket(private.bucket_name('sign-in', account || ':' || coalesce(source, '')), 10, 30);
  if wait = 0 then
    wait := private.fill_bucket(private.bucket_name('sign-in-account', account), 100, 15);
  end if;
  if wait = 0 and source is not null then
    wait := private.fill_bucket(private.bucket_name('sign-in-address', source), 300, 2);
  end if;
  if wait > 0 then
    raise exception 'attempts_exceeded' using detail = jsonb_build_object('retry_after_seconds', wait);
  end if;
end $$;
comment on function private.count_sign_in(uuid, text, text) is
  'Counts an attempt at a password, whether or not the account exists. The buckets hold ten for an account from one address, a '
  'hundred for an account, and three hundred for one address. A correct attempt is uncounted. Errors: attempts_exceeded.';

create function private.forget_sign_ins(project_id uuid, email text, ip text) returns void
language plpgsql set search_path = '' as $$
declare
  account text := coalesce(project_id::text, '') || ':' || private.fold_email(email);
  source text := private.address_group(ip);
begin
  delete from private.auth_attempts a
  where a.bucket = private.bucket_name('sign-in', account || ':' || coalesce(source, ''));
  perform private.drain_bucket(private.bucket_name('sign-in-account', account));
  perform private.drain_bucket(private.bucket_name('sign-in-address', source));
end $$;
comment on function private.forget_sign_ins(uuid, text, text) is
  'After a correct password: uncounts the attempt, and earlier wrong ones from the same address.';

create function private.uncount_sign_in(credentials jsonb, email text, ip text) returns void
language plpgsql set search_path = '' as $$
declare
  v_project uuid := (credentials ->> 'project_id')::uuid;
  v_email text := uncount_sign_in.email;
  account text;
begin
  perform set_config('role', 'service_role', true);
  if v_email is null then
    select u.project_id, u.email into v_project, v_email
    from public.users u where u.id = (credentials ->> 'user_id')::uuid;
  end if;
  account := coalesce(v_project::text, '') || ':' || private.fold_email(v_email);
  perform private.drain_bucket(private.bucket_name('sign-in', account || ':' || coalesce(private.address_group(ip), '')));
  perform private.drain_bucket(private.bucket_name('sign-in-account', account));
  perform private.drain_bucket(private.bucket_name('sign-in-address', private.address_group(ip)));
end $$;
comment on function private.uncount_sign_in(jsonb, text, text) is
  'Uncounts the attempt of private.begin_login, or without an email that of private.begin_password_check, because Auth did not '
  'check the password.';

create function private.count_mail(purpose text, subject text) returns integer
language plpgsql set search_path = '' as $$
declare
  wait integer;
begin
  wait := private.fill_bucket(private.bucket_name('mail-minute:' || purpose, subject), 1, 60);
  if wait = 0 then
    wait := private.fill_bucket(private.bucket_name('mail-hour:' || purpose, subject), 6, 600);
  end if;
  return wait;
end $$;
comment on function private.count_mail(text, text) is
  'Counts a mail to one account: returns 0 if it may be sent, else the seconds to wait. One a minute; after six, one in ten '
  'minutes.';

create function private.count_by_address(purpose text, ip text) returns void
language plpgsql set search_path = '' as $$
declare
  source text := private.address_group(ip);
  wait integer := 0;
begin
  if source is not null then
    wait := private.fill_bucket(private.bucket_name(purpose || '-address', source), 100, 20);
  end if;
  if wait > 0 then
    raise exception 'attempts_exceeded' using detail = jsonb_build_object('retry_after_seconds', wait);
  end if;
end $$;
comment on function private.count_by_address(text, text) is
  'Counts an attempt from an address, for any account: a burst of a hundred, then one in 20 seconds. The purpose is mail, or '
  'secret: a token or code, before it is checked. Errors: attempts_exceeded.';

create function private.uncount_secret(ip text) returns void
language plpgsql set search_path = '' as $$
begin
  if ip is not null then
    perform private.drain_bucket(private.bucket_name('secret-address', private.address_group(ip)));
  end if;
end $$;
comment on function private.uncount_secret(text) is
  'Uncounts the attempt, because the token or code was correct or could not be checked.';

alter table private.auth_attempts enable row level security;

grant select, insert, update, delete on private.auth_attempts to service_role;
grant execute on function
  private.bucket_name(text, text),
  private.address_group(text),
  private.fill_bucket(text, integer, double precision),
  private.drain_bucket(text),
  private.count_sign_in(uuid, text, text),
  private.forget_sign_ins(uuid, text, text),
  private.count_mail(text, text),
  private.count_by_address(text, text),
  private.uncount_secret(text)
to service_role;

-- Authorization. Every function of the API starts with private.authorize_and_set_role. It checks all credentials, stores the
-- caller in settings of the transaction, and sets the role to which policies apply.

create function private.is_origin_allowed(origin text, allowed text[]) returns boolean
language plpgsql immutable set search_path = '' as $$
begin
  return exists (
    select from unnest(allowed) as entry (pattern)
    where entry.pattern = '*' or lower(entry.pattern) = lower(origin)
      -- https://*.example.com allows every subdomain, but not the domain itself, on the same scheme and port.
      or (entry.pattern like '%://*.%'
        and starts_with(lower(origin), lower(split_part(entry.pattern, '*', 1)))
        and right(lower(origin), length(split_part(entry.pattern, '*', 2))) = lower(split_part(entry.pattern, '*', 2))
        and substr(lower(origin), length(split_part(entry.pattern, '*', 1)) + 1) ~ '^[a-z0-9]([a-z0-9.-]*)(:[0-9]+)?$')
  );
end $$;
comment on function private.is_origin_allowed(text, text[]) is
  'Whether a project''s allowed_origins contain a browser origin. * allows every origin, and *. every subdomain.';

-- Every transaction prepares each expression again, which costs more than evaluating it. So a few large ones are faster.
create function private.authorize(credentials jsonb, scope text) returns text
language plpgsql security definer set search_path = '' as $$
declare
  v_project uuid := (credentials ->> 'project_id')::uuid;
  -- A poll needs the rights of a generation, but has its own limit.
  is_generation boolean := scope in ('generation', 'status');
  account uuid;
  actor uuid;
  actor_role text;
  actor_project uuid;
  actor_is_active boolean;
  actor_is_verified boolean;
  project uuid;
  project_owner uuid;
  project_is_active boolean;
  project_verifies boolean;
  project_origins text[];
  requests integer;
  reads integer;
  operator uuid;
  operator_fault text;
  developer uuid;
  developer_fault text;
  is_developer_key_unknown boolean;
  management boolean;
  key_project uuid;
  key_fault text;
  is_api_key_unknown boolean;
  key_origins text[];
  refusal text;
  announced text := '';
  remembered text[];
begin
  -- 1. The token's account, the project and the plan, in one statement. `offset 0` hides missing values from the planner, which
  -- would otherwise plan again.
  if coalesce(credentials ->> 'user_id', credentials ->> 'project_id') is not null then
    select u.id, u.role, u.project_id, u.deactivated_at is null, u.email_verified_at is not null,
      p.id, p.owner_id, p.is_active and owner.deactivated_at is null, p.email_verification = 'required', p.allowed_origins,
      plan.requests_per_day, plan.reads_per_minute
    into account, actor_role, actor_project, actor_is_active, actor_is_verified,
      project, project_owner, project_is_active, project_verifies, project_origins, requests, reads
    from (select (credentials ->> 'session_id')::uuid as session_id, (credentials ->> 'user_id')::uuid as user_id,
      v_project as project_id offset 0) sent
    left join auth.sessions s on s.id = sent.session_id and s.user_id = sent.user_id and s.not_after > now()
    left join public.users u on u.id = s.user_id
    left join public.projects p on p.id = coalesce(sent.project_id, u.project_id) and p.deleted_at is null
    left join public.users owner on owner.id = p.owner_id
    -- The limits of a developer's own plan apply to management, and those of the project's plan to everybody else.
    left join public.plans plan on plan.id = case when u.role = 'developer' and not is_generation then u.plan_id
      else coalesce(p.plan_id, owner.plan_id) end;
  end if;

  -- 2. The keys that were sent. Small statements are cheaper than a join, which opens every table of keys.
  if credentials ->> 'operator_key_hash' is not null then
    select u.id, case when k.revoked_at is not null or k.expires_at <= now()
      then private.key_state(k.revoked_at, null, k.expires_at) end
    into operator, operator_fault
    from public.operator_keys k
    join public.users u on u.id = k.user_id and u.role = 'operator' and u.deactivated_at is null
    where k.key_hash = decode(credentials ->> 'operator_key_hash', 'hex');
  end if;
  if credentials ->> 'developer_key_hash' is not null then
    select u.id, k.management, case when k.revoked_at is not null or least(k.grace_ends_at, k.expires_at) <= now()
      then private.key_state(k.revoked_at, k.grace_ends_at, k.expires_at) end
    into developer, management, developer_fault
    from public.developer_keys k
    left join public.users u on u.id = k.user_id and u.deactivated_at is null
    where k.key_hash = decode(credentials ->> 'developer_key_hash', 'hex');
    is_developer_key_unknown := not found;
  end if;
  if credentials ->> 'api_key_hash' is not null then
    select k.project_id, case when k.revoked_at is not null or least(k.grace_ends_at, k.expires_at) <= now()
      then private.key_state(k.revoked_at, k.grace_ends_at, k.expires_at) end
    into key_project, key_fault
    from public.api_keys k where k.key_hash = decode(credentials ->> 'api_key_hash', 'hex');
    is_api_key_unknown := not found;
    if key_project is distinct from project then
      select p.id, p.allowed_origins into key_project, key_origins
      from public.projects p where p.id = key_project and p.deleted_at is null;
    end if;
  end if;

  -- 3. The actor: the account of the token, else that of an operator key or a management key.
  actor := account;
  if actor is null then
    actor := coalesce(operator, case when scope = 'projects' and management then developer end);
    actor_role := case when operator is not null then 'operator' when actor is not null then 'developer' end;
    if actor is not null then
      select plan.requests_per_day, plan.reads_per_minute into requests, reads
      from public.users u join public.plans plan on plan.id = u.plan_id where u.id = actor;
    elsif project is null then
      select plan.requests_per_day, plan.reads_per_minute into requests, reads from public.plans plan where plan.is_default;
    end if;
  end if;

  -- 4. The refusal: the first condition that is true. Null never passes.
  refusal := coalesce(
    -- The origin comes first, before any other refusal. Project endpoints skip it, so that an owner can correct a wrong list.
    case when credentials ->> 'origin' is null or scope = 'projects' then null
      when not private.is_origin_allowed(credentials ->> 'origin', coalesce(project_origins, key_origins, '{*}'))
        then 'origin_not_allowed' end,
    -- The token.
    case when credentials ->> 'user_id' is null then null
      when account is null then 'invalid_token'
      when actor_role = 'end_user' and v_project is not null and v_project is distinct from actor_project then 'invalid_token'
      when not actor_is_active then 'account_deactivated' end,
    -- The operator key.
    case when credentials ->> 'operator_key_hash' is null then null
      when operator is null then 'operator_key_invalid'
      when operator_fault is not null then 'operator_key_' || operator_fault
      when (credentials ->> 'from_browser')::boolean then 'key_not_for_browsers' end,
    -- The developer key.
    case when credentials ->> 'developer_key_hash' is null then null
      when developer is null then 'developer_key_invalid'
      when developer_fault is not null then 'developer_key_' || developer_fault
      when management and (credentials ->> 'from_browser')::boolean then 'key_not_for_browsers'
      when actor_role = 'developer' and developer is distinct from actor then 'developer_key_invalid'
      when project is not null and developer is distinct from project_owner then 'developer_key_invalid' end,
    -- The project and its API key.
    case when v_project is not null and project is null then 'project_not_found'
      when credentials ->> 'api_key_hash' is null then null
      when key_project is null or (project is not null and key_project is distinct from project) then 'api_key_invalid'
      when key_fault is not null then 'api_key_' || key_fault end,
    -- The account in this scope. A session made at Auth itself did not pass the login's check of the address.
    case when actor is null then case
        when scope = 'public' then null
        when scope = 'projects' and developer is not null then 'management_key_required'
        else 'not_authenticated' end
      when actor_role = 'end_user' and project_is_active is distinct from true then 'project_inactive'
      when actor_role = 'end_user' and project_verifies and not actor_is_verified and scope is distinct from 'public'
        then 'account_not_verified'
      when credentials ->> 'role' <> actor_role
        -- A project's owner may act as one of its users, with all credentials of a user.
        and not coalesce(credentials ->> 'role' = 'end_user' and account = project_owner and developer = account
          and key_project = v_project and scope not in ('projects', 'platform'), false)
        then 'role_mismatch'
      when scope = 'projects' and actor_role = 'end_user' then 'developers_only' end,
    -- A generation needs all credentials of an end user, or a developer's own project.
    case when not is_generation then null
      when v_project is null then 'project_id_required'
      when actor_role = 'end_user' and developer is null then 'developer_key_required'
      when actor_role = 'end_user' and key_project is null then 'api_key_required'
      when actor_role = 'developer' and project_owner is distinct from actor then 'project_not_found'
      when project_is_active is distinct from true then 'project_inactive' end);
  if refusal is not null then
    -- A key that was revoked or never issued stays refused. Everything else can change, such as the owner of a project.
    raise exception '%', refusal using detail = jsonb_build_object('is_final', case refusal
      when 'developer_key_invalid' then is_developer_key_unknown
      when 'api_key_invalid' then is_api_key_unknown
      else refusal in ('developer_key_revoked', 'api_key_revoked') end);
  end if;

  -- 5. The limit. A request is counted once, by its first statement. Operators are not limited.
  if scope <> 'platform' and actor_role is distinct from 'operator' and not credentials ? 'rate_limit' then
    if scope in ('projects', 'generation') then
      announced := private.announce_limit('requests', 'requests:' || case scope when 'generation' then project else actor end,
        requests, 86400, credentials);
    elsif reads is not null then
      announced := private.announce_limit('reads', coalesce('reads:' || actor,
        private.address_bucket('reads', project, credentials ->> 'ip')), reads, 60, credentials);
    end if;
  end if;

  -- 6. Settings for policies and functions of this transaction. An assignment is cheaper than `perform`, which starts a statement.
  remembered := array[
    set_config('app.user_id', coalesce(actor::text, ''), true),
    set_config('app.user_role', coalesce(actor_role, ''), true),
    set_config('app.project_id', coalesce(project::text, ''), true),
    set_config('app.ip', coalesce(credentials ->> 'ip', ''), true),
    set_config('app.user_agent', coalesce(credentials ->> 'user_agent', ''), true),
    set_config('app.request_id', coalesce(credentials ->> 'request_id', ''), true),
    set_config('app.limit', announced, true),
    set_config('request.jwt.claim.sub', coalesce(actor::text, ''), true),
    set_config('request.jwt.claims', coalesce('{"sub":"' || actor || '","role":"authenticated"}', ''), true)];

  return case when actor_role = 'operator' then 'service_role' when actor is not null then 'authenticated' else 'anon' end;
end $$;
comment on function private.authorize(jsonb, text) is
  'Checks every credential of a request, and stores the caller and the limit of the request for this transaction. Returns the '
  'database role to continue with. Scope is public, account, platform, projects, generation or status. Definer: nobody else '
  'may read keys and sessions.';

create function private.authorize_and_set_role(credentials jsonb, scope text) returns text
language plpgsql set search_path = '' as $$
begin
  return set_config('role', private.authorize(credentials, scope), true);
end $$;
comment on function private.authorize_and_set_role(jsonb, text) is
  'Calls authorize, then sets the caller''s database role: authenticated or anon under row-level security, service_role for an '
  'operator.';

create function private.check_credentials(credentials jsonb, scope text) returns jsonb
language plpgsql set search_path = '' as $$
begin
  perform private.authorize_and_set_role(credentials, scope);
  return jsonb_build_object('user_id', nullif(current_setting('app.user_id'), ''),
    'role', nullif(current_setting('app.user_role'), ''), 'project_id', nullif(current_setting('app.project_id'), ''));
end $$;
comment on function private.check_credentials(jsonb, text) is
  'Checks the caller before expensive work such as an upload. Errors: those of private.authorize.';

-- Registration and the caller's own account. Supabase Auth stores the password and issues the tokens. These functions decide
-- who may have an account. When Auth deletes a user, all rows of the account are deleted.

create function private.begin_registration(credentials jsonb, account jsonb) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_project uuid := (credentials ->> 'project_id')::uuid;
  v_role text;
  planned public.users;
begin
  perform private.authorize_and_set_role(credentials, 'public');
  perform set_config('role', 'service_role', true);
  if credentials ->> 'operator_key_hash' is not null then
    v_role := 'developer';
    v_project := null;
  elsif credentials ->> 'developer_key_hash' is null then
    raise exception 'registration_key_required';
  elsif v_project is null then
    raise exception 'project_id_required';
  else
    v_role := 'end_user';
    if not (select p.is_active from public.projects p where p.id = v_project) then
      raise exception 'project_inactive';
    end if;
  end if;
  if exists (select from public.users u
    where u.project_id is not distinct from v_project and u.email_fold = private.fold_email(account ->> 'email'))
  then
    raise exception 'account_exists';
  end if;
  planned.id := account ->> 'id';
  planned.role := v_role;
  planned.project_id := v_project;
  planned.email_fold := private.fold_email(account ->> 'email');
  return jsonb_build_object('role', v_role, 'project_id', v_project, 'auth_email', private.auth_email(planned));
end $$;
comment on function private.begin_registration(jsonb, jsonb) is
  'Returns what a registration of account {id, email} with these keys would create. Errors: registration_key_required, '
  'project_id_required, project_inactive, account_exists, those of private.authorize.';

create function private.create_account(credentials jsonb, account jsonb) returns jsonb
language plpgsql set search_path = '' as $$
declare
  kind jsonb := private.begin_registration(credentials, account);
  created public.users;
  project public.projects;
begin
  if kind ->> 'project_id' is not null and not private.hold_project((kind ->> 'project_id')::uuid) then
    raise exception 'project_inactive';
  end if;
  insert into public.users (id, role, project_id, plan_id, email, full_name)
  values ((account ->> 'id')::uuid, kind ->> 'role', (kind ->> 'project_id')::uuid,
    case when kind ->> 'role' = 'developer' then (select p.id from public.plans p where p.is_default) end,
    account ->> 'email', account ->> 'full_name')
  returning * into created;
  if created.role = 'developer' then
    insert into public.projects (owner_id, name) values (created.id, 'My first project') returning * into project;
    insert into public.developer_keys (user_id, name, key_prefix, key_hash)
    values (created.id, 'Provisioned at registration', account -> 'developer_key' ->> 'key_prefix',
      decode(account -> 'developer_key' ->> 'key_hash', 'hex'));
    insert into public.api_keys (project_id, name, key_prefix, key_hash)
    values (project.id, 'Provisioned at registration', account -> 'api_key' ->> 'key_prefix',
      decode(account -> 'api_key' ->> 'key_hash', 'hex'));
  end if;
  return private.user_json(created) || jsonb_build_object('provisioned_project_id', project.id,
    'needs_verification', created.role = 'end_user' and exists (select from public.projects p
      where p.id = created.project_id and p.email_verification = 'required'));
exception when unique_violation then
  raise exception 'account_exists';
end $$;
comment on function private.create_account(jsonb, jsonb) is
  'Creates the account of an auth.users row. A developer also gets a project, a developer key and an API key. Errors: those of '
  'private.begin_registration.';

create function private.get_me(credentials jsonb) returns jsonb
language plpgsql set search_path = '' as $$
declare
  caller_role text := private.authorize_and_set_role(credentials, 'account');
begin
  return (select private.user_json(u) from public.users u where u.id = private.actor_id());
end $$;
comment on function private.get_me(jsonb) is 'GET /auth/me. Errors: those of private.authorize.';

create function private.update_me(credentials jsonb, changes jsonb) returns jsonb
language plpgsql set search_path = '' as $$
declare
  actor uuid;
  account public.users;
begin
  perform private.authorize_and_set_role(credentials, 'account');
  actor := current_setting('app.user_id')::uuid;
  perform set_config('role', 'service_role', true);
  update public.users u
  set full_name = case when changes ? 'full_name' then changes ->> 'full_name' else u.full_name end
  where u.id = actor returning * into account;
  return private.user_json(account);
end $$;
comment on function private.update_me(jsonb, jsonb) is 'PATCH /auth/me; changes: {full_name?}. Errors: those of private.authorize.';

create function private.require_end_user(credentials jsonb, project_id uuid, user_id uuid) returns uuid
language plpgsql set search_path = '' as $$
declare
  found_id uuid;
begin
  perform private.authorize_and_set_role(credentials, 'projects');
  perform private.require_project(project_id);
  select u.id into found_id from public.users u
  where u.id = require_end_user.user_id and u.project_id = require_end_user.project_id;
  if found_id is null then
    raise exception 'user_not_found';
  end if;
  return found_id;
end $$;
comment on function private.require_end_user(jsonb, uuid, uuid) is
  'The end user whom the caller may delete. Errors: project_not_found, user_not_found, those of private.authorize.';

create function private.list_orphans(batch_size integer) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  -- Auth's ids are random, so each run starts at a random id and checks another part of the users.
  begin_at uuid := gen_random_uuid();
begin
  return (
    select coalesce(jsonb_agg(orphan.id), '[]') from (
      select part.id from (
        select * from (
          (select u.id, u.email, u.created_at from auth.users u where u.id >= begin_at order by u.id limit 10000)
          union all
          (select u.id, u.email, u.created_at from auth.users u where u.id < begin_at order by u.id limit 10000)
        ) as ring
        limit 10000
      ) as part
      where not exists (select from public.users account where account.id = part.id)
        and part.email is distinct from private.decoy_email()
        and part.created_at < now() - interval '5 minutes'
      limit batch_size
    ) as orphan
  );
end $$;
comment on function private.list_orphans(integer) is
  'Users of Auth without an account, at least five minutes old, so that no running registration is disturbed. Checks 10,000 '
  'users after a random id. Definer: only the owner reads auth.users.';

grant execute on function private.list_orphans(integer) to service_role;

-- Users list and end their sessions, which are rows of auth.sessions. private.authorize looks the session up, so deleting it
-- ends its access token at once. Only this file writes sessions, in definer functions that the API's role may call.

create function private.limit_session_lifetime() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  v_banned_until timestamptz;
begin
  new.not_after := least(new.not_after, coalesce(new.created_at, now()) + interval '7 days');
  if tg_op = 'INSERT' then
    -- Auth compared the password some time ago. A change of the password and a ban lock this row until they are committed.
    select u.banned_until into v_banned_until from auth.users u where u.id = new.user_id for no key update;
    if v_banned_until > now() or exists (select from private.password_permits p
      where p.user_id = new.user_id and p.changed_at > now() - interval '15 seconds')
    then
      new.not_after := now();
    end if;
  end if;
  return new;
end $$;
comment on function private.limit_session_lifetime() is
  'Trigger: a session ends seven days after it began. If it begins within 15 seconds after a change of the password, it ends '
  'at once, since the old password may have opened it. private.open_session may extend it. Definer: Auth''s own role writes '
  'the row.';

create function private.open_session(user_id uuid, session_id uuid, device jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  account public.users;
  project public.projects;
  v_signed_in boolean := device ->> 'signed_in';
  refusal text;
begin
  select * into account from public.users u where u.id = open_session.user_id;
  select * into project from public.projects p where p.id = account.project_id;
  refusal := case
    when account.id is null then 'invalid_token'
    when v_signed_in and (exists (select from auth.users u where u.id = account.id and u.banned_until > now())
      or exists (select from private.password_permits p where p.user_id = account.id
        and p.changed_at is distinct from (device ->> 'password_changed_at')::timestamptz and p.changed_at is not null))
      then 'invalid_credentials'
    when account.deactivated_at is not null then 'account_deactivated'
    when account.role = 'end_user' and (project.deleted_at is not null or not project.is_active
      or exists (select from public.users o where o.id = project.owner_id and o.deactivated_at is not null))
      then 'project_inactive'
    when account.role = 'end_user' and project.email_verification = 'required' and account.email_verified_at is null
      then 'account_not_verified'
    when not exists (select from auth.sessions s where s.id = open_session.session_id
      and s.user_id = account.id and (v_signed_in or s.not_after > now())) then 'invalid_token'
  end;
  if refusal in ('project_inactive', 'account_not_verified') and not v_signed_in then
    -- Both states can end, and then the session continues.
    null;
  elsif refusal is not null then
    delete from auth.sessions s where s.id = open_session.session_id;
  else
    -- Auth has stored the API's own address and user agent.
    update auth.sessions s set user_agent = device ->> 'user_agent', ip = (device ->> 'ip')::inet,
      not_after = case when not v_signed_in then s.not_after end
    where s.id = open_session.session_id;
  end if;
  if account.id is not null and v_signed_in and refusal is distinct from 'invalid_credentials' then
    perform private.forget_sign_ins(account.project_id, account.email, device ->> 'ip');
  end if;
  return jsonb_build_object('refusal', refusal);
end $$;
comment on function private.open_session(uuid, uuid, jsonb) is
  'Opens a session that Auth has just issued or refreshed: records its device and uncounts the attempts of its sign-in. Or '
  'returns a refusal and ends it. A refreshed session continues if only its project is inactive or its address unverified. A '
  'sign-in is refused if the password has changed since private.begin_login. Definer: only the owner may write auth.sessions.';

create function private.end_user_sessions(user_id uuid, keep uuid) returns integer
language plpgsql security definer set search_path = '' as $$
declare
  ended integer;
begin
  delete from auth.sessions s where s.user_id = end_user_sessions.user_id and s.id is distinct from keep;
  get diagnostics ended = row_count;
  return ended;
end $$;
comment on function private.end_user_sessions(uuid, uuid) is
  'Ends every session of an account except one (null: all), with its refresh tokens. Definer: only the owner may write '
  'auth.sessions.';

create function private.end_user_session(user_id uuid, session_id uuid) returns boolean
language plpgsql security definer set search_path = '' as $$
begin
  delete from auth.sessions s where s.user_id = end_user_session.user_id and s.id = end_user_session.session_id;
  return found;
end $$;
comment on function private.end_user_session(uuid, uuid) is
  'Ends one session. Returns false if the account has no such session. Definer: only the owner may write auth.sessions.';

create function private.list_user_sessions(user_id uuid) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
begin
  return (
    select coalesce(jsonb_agg(jsonb_build_object(
      'id', s.id, 'device', s.user_agent, 'ip', host(s.ip), 'created_at', s.created_at,
      'last_seen_at', greatest(s.created_at, s.refreshed_at at time zone 'utc'), 'expires_at', s.not_after
    ) order by s.created_at desc, s.id desc), '[]')
    from auth.sessions s where s.user_id = list_user_sessions.user_id and s.not_after > now()
  );
end $$;
comment on function private.list_user_sessions(uuid) is
  'The active sessions of an account, newest first. Definer: only the owner reads auth.sessions.';

create function private.authorize_session(credentials jsonb) returns uuid
language plpgsql set search_path = '' as $$
begin
  perform private.authorize_and_set_role(credentials, 'account');
  if credentials ->> 'session_id' is null then
    raise exception 'not_authenticated';
  end if;
  perform set_config('role', 'service_role', true);
  return current_setting('app.user_id')::uuid;
end $$;
comment on function private.authorize_session(jsonb) is
  'For requests that need a signed-in person instead of a key. Returns the account and continues as service_role. Errors: '
  'not_authenticated, those of private.authorize.';

create function private.list_sessions(credentials jsonb) returns jsonb
language plpgsql set search_path = '' as $$
declare
  actor uuid := private.authorize_session(credentials);
begin
  return (
    select coalesce(jsonb_agg(session || jsonb_build_object('current', session ->> 'id' = credentials ->> 'session_id')), '[]')
    from jsonb_array_elements(private.list_user_sessions(actor)) as session
  );
end $$;
comment on function private.list_sessions(jsonb) is 'GET /auth/sessions. Errors: those of private.authorize_session.';

create function private.revoke_session(credentials jsonb, id uuid) returns void
language plpgsql set search_path = '' as $$
declare
  actor uuid := private.authorize_session(credentials);
begin
  if not private.end_user_session(actor, revoke_session.id) then
    raise exception 'session_not_found';
  end if;
end $$;
comment on function private.revoke_session(jsonb, uuid) is
  'DELETE /auth/sessions/{id}. Errors: session_not_found, those of private.authorize_session.';

create function private.log_out(credentials jsonb, scope text) returns void
language plpgsql set search_path = '' as $$
declare
  actor uuid := private.authorize_session(credentials);
  current_session uuid := (credentials ->> 'session_id')::uuid;
begin
  if scope = 'local' then
    perform private.end_user_session(actor, current_session);
  else
    perform private.end_user_sessions(actor, case scope when 'others' then current_session end);
  end if;
end $$;
comment on function private.log_out(jsonb, text) is
  'POST /auth/logout; scope is local, others or global. Errors: those of private.authorize_session.';

create function private.end_reused_session(refresh_token text) returns boolean
language plpgsql security definer set search_path = '' as $$
begin
  delete from auth.sessions s
  where s.id = (select t.session_id from auth.refresh_tokens t where t.token = end_reused_session.refresh_token limit 1);
  return found;
end $$;
comment on function private.end_reused_session(text) is
  'Ends the session and access token of an old refresh token, because somebody may have a copy. Definer: only the owner reads '
  'auth.refresh_tokens.';

create function private.on_account_closed() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform private.end_user_sessions(new.id, null);
  return null;
end $$;
comment on function private.on_account_closed() is
  'Trigger: ends all sessions of an account that is deactivated, or whose user is banned or deleted at Auth, as in Studio. Auth '
  'itself would keep the access token valid. Definer: neither callers nor Auth''s role may execute private.end_user_sessions.';

create trigger users_banned after update of banned_until, deleted_at on auth.users
  for each row when ((new.banned_until is distinct from old.banned_until and new.banned_until > now())
    or (old.deleted_at is null and new.deleted_at is not null))
  execute function private.on_account_closed();
create trigger sessions_limit_lifetime before insert or update on auth.sessions
  for each row execute function private.limit_session_lifetime();
create trigger users_deactivated after update of deactivated_at on public.users
  for each row when (old.deactivated_at is null and new.deactivated_at is not null)
  execute function private.on_account_closed();

grant execute on function
  private.end_user_sessions(uuid, uuid),
  private.end_user_session(uuid, uuid),
  private.list_user_sessions(uuid)
to service_role;

-- Supabase Auth stores passwords, and a stolen token can call its own endpoints. So these endpoints cannot change an account's
-- address, and a password changes only after the API has announced it.

create table private.password_permits (
  user_id uuid primary key references public.users (id) on delete cascade,
  keep_session_id uuid,
  expires_at timestamptz not null,
  token_digest bytea,
  changed_at timestamptz
);
create index password_permits_expires_at on private.password_permits (expires_at);

comment on table private.password_permits is
  'Password changes that the API has announced to the trigger on auth.users. Each row allows one change.';
comment on column private.password_permits.user_id is 'The account whose password may change.';
comment on column private.password_permits.keep_session_id is
  'The session that continues after the change; null ends all sessions.';
comment on column private.password_permits.expires_at is 'A minute after the announcement, or the time of the change.';
comment on column private.password_permits.changed_at is
  'When the password was last changed, kept for an hour. A sign-in that began earlier has checked the old password.';
comment on column private.password_permits.token_digest is
  'The reset token that requested the change and is used by it. Null if the owner requested it.';

create function private.permit_password(user_id uuid, keep uuid, token_digest bytea default null) returns void
language plpgsql set search_path = '' as $$
#variable_conflict use_column
begin
  insert into private.password_permits as permit (user_id, keep_session_id, expires_at, token_digest)
  values (permit_password.user_id, keep, now() + interval '1 minute', permit_password.token_digest)
  on conflict (user_id) do update
    set keep_session_id = excluded.keep_session_id, expires_at = excluded.expires_at, token_digest = excluded.token_digest
    where permit.expires_at <= now();
  if not found then
    raise exception 'password_change_running';
  end if;
end $$;
comment on function private.permit_password(uuid, uuid, bytea) is
  'Announces one change of an account''s password, the session that continues, and the reset token, if any. Errors: '
  'password_change_running.';

create function private.withdraw_password_permit(credentials jsonb) returns void
language plpgsql set search_path = '' as $$
begin
  perform set_config('role', 'service_role', true);
  delete from private.password_permits p
  where p.user_id = (credentials ->> 'user_id')::uuid and p.keep_session_id = (credentials ->> 'session_id')::uuid
    and p.token_digest is null and p.expires_at > now();
end $$;
comment on function private.withdraw_password_permit(jsonb) is
  'Removes the announcement after Auth did not change the caller''s password, so that the caller can try again at once.';

create function private.finish_password_change(account public.users, permit private.password_permits) returns void
language plpgsql set search_path = '' as $$
begin
  -- Ends earlier reset links, and a change of address that was requested with the old password.
  perform private.use_mail_tokens(account.id, 'password_reset');
  delete from private.email_changes change where change.user_id = account.id;
  -- Sessions before counts, as a sign-in does. Otherwise the two could deadlock.
  perform private.end_user_sessions(account.id, permit.keep_session_id);
  if permit.token_digest is not null then
    if exists (select from private.mail_tokens t where t.digest = permit.token_digest and t.email = account.email) then
      perform private.verify_account(account);
    end if;
    delete from private.auth_attempts a where a.bucket = private.bucket_name('sign-in-account',
      coalesce(account.project_id::text, '') || ':' || account.email_fold);
  end if;
  perform private.send_notice(account.id, 'password_changed');
end $$;
comment on function private.finish_password_change(public.users, private.password_permits) is
  'Applies the effects of a new password. A reset also verifies the address, because its token came by mail.';

create function private.check_auth_user_update() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  account public.users;
  permit private.password_permits;
begin
  -- Locked before the permit, in the same order as an announcement. Otherwise the two could deadlock.
  select * into account from public.users u where u.id = new.id for update;
  if account.id is null then
    return new;
  end if;
  if old.deleted_at is null and new.deleted_at is not null then
    -- A soft deletion in Studio: Auth scrambles the address, and the account is deactivated.
    update public.users u set deactivated_at = coalesce(u.deactivated_at, now()) where u.id = new.id;
    return new;
  end if;
  if (coalesce(new.email_change, '') not in ('', coalesce(old.email_change, '')))
    or (coalesce(new.phone, '') not in ('', coalesce(old.phone, '')))
    or (new.email is distinct from old.email and new.email is distinct from private.auth_email(account)
      and not private.finish_email_change(account, new.email))
  then
    raise exception 'the address of an account is fixed' using errcode = 'insufficient_privilege',
      hint = 'The owner asks for another address with POST /api/v1/auth/change-email.';
  end if;
  if new.encrypted_password is distinct from old.encrypted_password then
    update private.password_permits p set expires_at = now(), changed_at = clock_timestamp()
    where p.user_id = new.id and p.expires_at > now()
    returning p.* into permit;
    if not found then
      raise exception 'the API has not announced this change of a password' using errcode = 'insufficient_privilege',
        hint = 'Let the person ask for a reset: POST /api/v1/auth/request-password-reset sends the mail.';
    end if;
    perform private.finish_password_change(account, permit);
  end if;
  return new;
end $$;
comment on function private.check_auth_user_update() is
  'Trigger: refuses a new address or password from Auth''s own endpoints. An announced password ends the other sessions and '
  'mails the owner, in the same transaction. A soft deletion deactivates the account. Definer: Auth''s role may not use our '
  'tables.';

create function private.decoy_email() returns text
language plpgsql immutable set search_path = '' as $$
begin
  return 'decoy@unknown.users.invalid';
end $$;
comment on function private.decoy_email() is
  'The address of a user of Auth without an account. Sign-ins with unknown addresses try its password, so that they take as long.';

create function private.decoy_exists() returns boolean
language plpgsql stable security definer set search_path = '' as $$
begin
  return exists (select from auth.users u where u.email = private.decoy_email());
end $$;
comment on function private.decoy_exists() is
  'Whether the decoy user exists at Auth. Definer: only the owner reads auth.users.';

create function private.begin_login(credentials jsonb, email text, ip text) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_project uuid := (credentials ->> 'project_id')::uuid;
  account public.users;
begin
  perform private.authorize_and_set_role(credentials, 'public');
  perform set_config('role', 'service_role', true);
  perform private.count_sign_in(v_project, begin_login.email, begin_login.ip);
  select * into account from public.users u
  where u.project_id is not distinct from v_project and u.email_fold = private.fold_email(begin_login.email);
  return jsonb_build_object(
    'auth_email', coalesce(private.auth_email(account), private.decoy_email()),
    'is_known', account.id is not null,
    'decoy_exists', account.id is not null or private.decoy_exists(),
    'password_changed_at', (select p.changed_at from private.password_permits p where p.user_id = account.id));
end $$;
comment on function private.begin_login(jsonb, text, text) is
  'The address for the sign-in at Supabase Auth. For an unknown account it is the decoy''s. private.open_session compares '
  'password_changed_at. Errors: attempts_exceeded (detail: seconds to wait), those of private.authorize.';

create function private.begin_password_check(credentials jsonb, ip text) returns jsonb
language plpgsql set search_path = '' as $$
declare
  actor uuid := private.authorize_session(credentials);
  account public.users;
begin
  select * into account from public.users u where u.id = actor;
  perform private.count_sign_in(account.project_id, account.email, begin_password_check.ip);
  return jsonb_build_object('auth_email', private.auth_email(account));
end $$;
comment on function private.begin_password_check(jsonb, text) is
  'Begins a check of the caller''s password: returns the address for the sign-in at Auth. Errors: attempts_exceeded, those of '
  'private.authorize_session.';

create function private.finish_password_check(credentials jsonb, proof_session_id uuid, ip text, permit boolean) returns jsonb
language plpgsql set search_path = '' as $$
declare
  actor uuid := private.authorize_session(credentials);
  account public.users;
begin
  -- Locked before the session, as a change of the password does. Otherwise the two could deadlock.
  select * into account from public.users u where u.id = actor for no key update;
  if not private.end_user_session(actor, proof_session_id) then
    raise exception 'wrong_password';
  end if;
  perform private.forget_sign_ins(account.project_id, account.email, finish_password_check.ip);
  if permit then
    begin
      perform private.permit_password(actor, (credentials ->> 'session_id')::uuid);
    exception when raise_exception then
      return jsonb_build_object('refusal', sqlerrm);
    end;
  end if;
  return jsonb_build_object('refusal', null);
end $$;
comment on function private.finish_password_check(jsonb, uuid, text, boolean) is
  'After a correct password: ends the session of the check, and announces a change if permit is true. The refusal is returned, '
  'because an exception would restore that session. Errors: wrong_password, those of private.authorize_session.';

create function private.check_auth_user_metadata() returns trigger
language plpgsql set search_path = '' as $$
begin
  if octet_length(new.raw_user_meta_data::text) > 4096 then
    raise exception 'user metadata has at most 4096 bytes: every access token carries it' using errcode = 'check_violation';
  end if;
  return new;
end $$;
comment on function private.check_auth_user_metadata() is
  'Trigger: limits the metadata that a person writes at Auth, because every token contains it.';

create trigger users_check_metadata before insert or update of raw_user_meta_data on auth.users
  for each row execute function private.check_auth_user_metadata();
create trigger users_check_account before update of email, email_change, phone, encrypted_password on auth.users
  for each row execute function private.check_auth_user_update();

alter table private.password_permits enable row level security;

grant select, insert, update, delete on private.password_permits to service_role;
grant execute on function
  private.permit_password(uuid, uuid, bytea),
  private.decoy_email(),
  private.decoy_exists()
to service_role;

-- The mail outbox. A row has a recipient and a kind, never a token: tokens are made when the mail is sent. Rows without an
-- account are never sent. They exist so that unknown addresses cost as much as known ones.

create table private.mail_outbox (
  id uuid primary key default gen_random_uuid(),
  user_id uuid references public.users (id) on delete cascade,
  kind text not null constraint mail_outbox_kind
    check (kind in (
    'verification', 'password_reset', 'password_changed', 'key_created', 'email_change', 'email_change_asked',
    'email_changed', 'project_offered', 'project_transferred', 'mail_test')),
  details jsonb not null default '{}' constraint mail_outbox_details_object check (jsonb_typeof(details) = 'object'),
  attempts integer not null default 0,
  next_attempt_at timestamptz not null default now(),
  last_error text constraint mail_outbox_last_error_length check (length(last_error) <= 500),
  created_at timestamptz not null default now()
);
create index mail_outbox_due on private.mail_outbox (next_attempt_at);
create index mail_outbox_user_id on private.mail_outbox (user_id);
create index mail_outbox_created_at on private.mail_outbox (created_at);

comment on table private.mail_outbox is
  'Mail that was not sent yet. A row is deleted when its mail was accepted, or after a day of failures.';
comment on column private.mail_outbox.id is 'Also part of the idempotency key for the mail service.';
comment on column private.mail_outbox.user_id is 'The recipient; null for an unknown address.';
comment on column private.mail_outbox.kind is 'The kind of mail, which decides its text.';
comment on column private.mail_outbox.details is
  'Further values of the text, such as {"name", "key_prefix"} of a key. "to" is the address if it is not the account''s.';
comment on column private.mail_outbox.attempts is 'The number of claims.';
comment on column private.mail_outbox.next_attempt_at is
  'When it may be claimed. A claim moves this time forward, so a killed process loses nothing.';
comment on column private.mail_outbox.last_error is 'Why the last attempt failed, without addresses or tokens.';
comment on column private.mail_outbox.created_at is 'When it was requested. After a day of failures it is deleted.';

create function private.claim_mail(batch_size integer) returns jsonb
language plpgsql set search_path = '' as $$
declare
  claimed jsonb;
begin
  perform set_config('role', 'service_role', true);
  -- Of several waiting mails with the same content, only the newest is kept.
  delete from private.mail_outbox old using private.mail_outbox newer
  where old.kind in ('verification', 'password_reset', 'email_change') and newer.user_id = old.user_id
    and newer.kind = old.kind
    and (newer.created_at, newer.id) > (old.created_at, old.id) and old.next_attempt_at <= now();
  with due as (
    select m.id from private.mail_outbox m
    where m.next_attempt_at <= now()
    order by m.next_attempt_at
    limit batch_size
    for update skip locked
  ), taken as (
    update private.mail_outbox m set attempts = m.attempts + 1, next_attempt_at = now() + interval '2 minutes'
    from due where m.id = due.id
    returning m.id, m.user_id, m.kind, m.details, m.attempts, m.created_at
  )
  select coalesce(jsonb_agg(jsonb_build_object(
    'id', taken.id, 'kind', taken.kind, 'details', taken.details, 'attempts', taken.attempts, 'created_at', taken.created_at,
    'recipient', case when account.id is not null and account.deactivated_at is null then jsonb_build_object(
      'user_id', account.id, 'email', coalesce(taken.details ->> 'to', account.email), 'full_name', account.full_name,
      'is_verified', account.email_verified_at is not null) end,
    'project', case when project.id is not null then jsonb_build_object('id', project.id, 'name', project.name,
      'site_url', project.site_url, 'verify_url', project.verify_url, 'reset_url', project.reset_url,
      'mail', coalesce(taken.details -> 'mail', project.mail)) end)), '[]')
  into claimed
  from taken
  left join public.users account on account.id = taken.user_id
  left join public.projects project on project.id = coalesce((taken.details ->> 'project_id')::uuid, account.project_id);
  return claimed;
end $$;
comment on function private.claim_mail(integer) is
  'Claims mail that is due, each row for one caller for two minutes. Returns [{id, kind, details, attempts, created_at, '
  'recipient: {user_id, email, full_name, is_verified} | null, project: {id, name, site_url, verify_url, reset_url, mail} | '
  'null}]. The project is the sender; null is the platform.';

create function private.finish_mail(id uuid) returns void
language plpgsql set search_path = '' as $$
begin
  perform set_config('role', 'service_role', true);
  delete from private.mail_outbox m where m.id = finish_mail.id;
end $$;
comment on function private.finish_mail(uuid) is 'Deletes a mail that was accepted or is obsolete.';

create function private.retry_mail(id uuid, wait_seconds integer, error text) returns void
language plpgsql set search_path = '' as $$
begin
  perform set_config('role', 'service_role', true);
  update private.mail_outbox m
  set next_attempt_at = now() + make_interval(secs => wait_seconds), last_error = left(retry_mail.error, 500)
  where m.id = retry_mail.id;
end $$;
comment on function private.retry_mail(uuid, integer, text) is 'Makes a failed mail due again after the wait.';

create function private.request_mail(wanted uuid, kind text, bucket_subject text) returns integer
language plpgsql set search_path = '' as $$
declare
  wait integer := private.count_mail(request_mail.kind, request_mail.bucket_subject);
begin
  if wait = 0 then
    -- A row without a recipient is written too, so that an unknown address takes the same time.
    insert into private.mail_outbox (user_id, kind) values (request_mail.wanted, request_mail.kind);
  end if;
  return wait;
end $$;
comment on function private.request_mail(uuid, text, text) is
  'Requests a mail to an account, or to nobody (null). Returns 0, or the seconds to wait.';

create function private.send_notice(user_id uuid, kind text, details jsonb default '{}') returns void
language plpgsql set search_path = '' as $$
begin
  -- Without this limit, repeated changes could fill another person's mailbox, because the account may have that person's address.
  if private.fill_bucket(private.bucket_name('notice:' || send_notice.kind, send_notice.user_id::text), 10, 600) = 0 then
    insert into private.mail_outbox (user_id, kind, details) values (send_notice.user_id, send_notice.kind, send_notice.details);
  end if;
end $$;
comment on function private.send_notice(uuid, text, jsonb) is
  'Mails an account about a change to it: a burst of ten mails per kind, then one in ten minutes.';

create function private.send_mail_test(credentials jsonb, id uuid, sample text, mail jsonb) returns text
language plpgsql set search_path = '' as $$
declare
  project public.projects;
  account public.users;
  wait integer;
begin
  perform private.authorize_and_set_role(credentials, 'projects');
  project := private.require_project(send_mail_test.id);
  perform set_config('role', 'service_role', true);
  select u.* into account from public.users u where u.id = private.actor_id();
  if account.email_verified_at is null then
    raise exception 'account_not_verified';
  end if;
  wait := private.count_mail('mail_test', account.id::text);
  if wait > 0 then
    raise exception 'mail_limit_exceeded' using detail = jsonb_build_object('retry_after_seconds', wait);
  end if;
  insert into private.mail_outbox (user_id, kind, details) values (account.id, 'mail_test', jsonb_build_object(
    'project_id', project.id, 'sample', send_mail_test.sample, 'mail', project.mail || send_mail_test.mail));
  return account.email;
end $$;
comment on function private.send_mail_test(jsonb, uuid, text, jsonb) is
  'POST /projects/{id}/mail/test: sends the caller a sample mail of the project, with these settings instead of its own. '
  'Returns the address. Errors: project_not_found, account_not_verified, mail_limit_exceeded, those of private.authorize.';

create function private.on_user_created() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  -- The first mail counts, so that an immediate request does not send a second one.
  perform private.count_mail('verification', new.id::text);
  insert into private.mail_outbox (user_id, kind) values (new.id, 'verification');
  return null;
end $$;
comment on function private.on_user_created() is
  'Trigger: queues the verification mail of a new account, in the same transaction. Definer: any role may create the account.';

create function private.on_api_key_created() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform private.send_notice(p.owner_id, 'key_created',
    jsonb_build_object('name', new.name, 'key_prefix', new.key_prefix, 'project_name', p.name))
  from public.projects p
  -- No mail for the key that is created with its project.
  where p.id = new.project_id and p.created_at < now();
  return null;
end $$;
comment on function private.on_api_key_created() is
  'Trigger: mails the owner of a project about a new API key. Definer: the caller may have no rights to the outbox.';

create trigger users_created after insert on public.users
  for each row when (new.email_verified_at is null) execute function private.on_user_created();
create trigger api_keys_created after insert on public.api_keys
  for each row execute function private.on_api_key_created();

alter table private.mail_outbox enable row level security;

grant select, insert, update, delete on private.mail_outbox to service_role;
grant execute on function
  private.request_mail(uuid, text, text),
  private.send_notice(uuid, text, jsonb)
to service_role;

-- Tokens in mails, which verify an address or set a new password. They are random and stored as digests. Supabase Auth neither
-- creates nor gets them. Unknown addresses get the same answers as known ones.

create table private.mail_tokens (
  digest bytea primary key constraint mail_tokens_digest_length check (length(digest) = 32),
  user_id uuid not null references public.users (id) on delete cascade,
  purpose text not null constraint mail_tokens_purpose
    check (purpose in ('verification', 'password_reset', 'email_change')),
  email text not null,
  code_digest bytea constraint mail_tokens_code_digest_length check (length(code_digest) = 32),
  code_tries integer not null default 0,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  used_at timestamptz,
  constraint mail_tokens_code_verifies check (code_digest is null or purpose = 'verification')
);
create index mail_tokens_user_id on private.mail_tokens (user_id, purpose);
create index mail_tokens_expires_at on private.mail_tokens (expires_at);

comment on table private.mail_tokens is
  'Mailed tokens: account, purpose and expiry. A mail adds a token and replaces none, so a stranger''s request cannot end an '
  'unread link.';
comment on column private.mail_tokens.digest is 'SHA-256 of the token.';
comment on column private.mail_tokens.user_id is 'The account of the token.';
comment on column private.mail_tokens.purpose is 'The only purpose for which it is valid.';
comment on column private.mail_tokens.code_digest is
  'HMAC of the short code in the same mail. The database does not have its key.';
comment on column private.mail_tokens.created_at is 'When the mail was written.';
comment on column private.mail_tokens.expires_at is 'When it expires.';
comment on column private.mail_tokens.used_at is
  'When this token, or another of the same account and purpose, was used. Stored so that a second use gets its own error.';
comment on column private.mail_tokens.email is 'The recipient''s address. The token verifies only this address.';
comment on column private.mail_tokens.code_tries is 'Wrong codes that were tried while this one was valid. Five invalidate it.';

create function private.add_mail_token(mail_id uuid, digest text, code_digest text) returns boolean
language plpgsql set search_path = '' as $$
begin
  perform set_config('role', 'service_role', true);
  insert into private.mail_tokens (digest, user_id, purpose, email, code_digest, expires_at)
  select decode(add_mail_token.digest, 'hex'), account.id, m.kind, coalesce(m.details ->> 'to', account.email),
    case when m.kind = 'verification' then decode(add_mail_token.code_digest, 'hex') end,
    now() + case m.kind when 'password_reset' then interval '1 hour' else interval '1 day' end
  from private.mail_outbox m join public.users account on account.id = m.user_id
  where m.id = add_mail_token.mail_id and m.kind in ('verification', 'password_reset', 'email_change')
    and account.deactivated_at is null
    and (m.kind <> 'email_change' or exists (select from private.email_changes change
      where change.user_id = account.id and change.email = m.details ->> 'to' and change.expires_at > now()));
  return found;
end $$;
comment on function private.add_mail_token(uuid, text, text) is
  'Stores the SHA-256 (hex) of the token of a mail before it is sent, and the HMAC of its code. False if the mail is obsolete.';

create function private.lock_token_owner(digest text) returns public.users
language plpgsql set search_path = '' as $$
declare
  account public.users;
begin
  select u.* into account from private.mail_tokens t join public.users u on u.id = t.user_id
  where t.digest = decode(lock_token_owner.digest, 'hex') for update of u;
  return account;
end $$;
comment on function private.lock_token_owner(text) is
  'Locks the account of a token (SHA-256, hex), so that uses of two tokens of one account take turns. Nulls if there is none.';

create function private.token_state(token private.mail_tokens, account public.users) returns text
language plpgsql stable set search_path = '' as $$
begin
  return case
    when token.digest is null or account.deactivated_at is not null then 'unknown'
    when token.used_at is not null then 'used'
    -- Another mail verified the same address, or the account has a new address.
    when token.purpose = 'verification' and token.email = account.email and account.email_verified_at is not null then 'used'
    when token.purpose = 'email_change' and token.email = account.email then 'used'
    when token.expires_at <= now() or (token.purpose <> 'email_change' and token.email <> account.email) then 'expired'
    when token.purpose = 'email_change' and not exists (select from private.email_changes change
      where change.user_id = account.id and change.email = token.email and change.expires_at > now()) then 'expired'
    else 'valid'
  end;
end $$;
comment on function private.token_state(private.mail_tokens, public.users) is 'valid, used, expired or unknown.';

create function private.use_mail_tokens(user_id uuid, purpose text) returns void
language plpgsql set search_path = '' as $$
begin
  update private.mail_tokens t set used_at = now()
  where t.user_id = use_mail_tokens.user_id and t.purpose = use_mail_tokens.purpose and t.used_at is null;
end $$;
comment on function private.use_mail_tokens(uuid, text) is
  'Invalidates every other token of the account and purpose after one was used. The caller has locked the account.';

create function private.check_mail_token(digest text, ip text) returns jsonb
language plpgsql set search_path = '' as $$
declare
  token private.mail_tokens;
  account public.users;
  project public.projects;
begin
  perform set_config('role', 'service_role', true);
  perform private.count_by_address('secret', check_mail_token.ip);
  select t.* into token from private.mail_tokens t where t.digest = decode(check_mail_token.digest, 'hex');
  select u.* into account from public.users u where u.id = token.user_id;
  if private.token_state(token, account) = 'unknown' then
    return jsonb_build_object('refusal', 'mail_token_invalid');
  end if;
  perform private.uncount_secret(check_mail_token.ip);
  select p.* into project from public.projects p where p.id = account.project_id;
  return jsonb_build_object(
    'purpose', token.purpose, 'state', private.token_state(token, account), 'expires_at', token.expires_at,
    'project', case when project.id is not null then
      jsonb_build_object('id', project.id, 'name', project.name, 'site_url', project.site_url, 'mail', project.mail) end);
end $$;
comment on function private.check_mail_token(text, text) is
  'POST /auth/check-mail-token: {purpose, state, expires_at, project} or {refusal}. It does not use the token. Errors: '
  'attempts_exceeded.';

create function private.verify_account(account public.users) returns void
language plpgsql set search_path = '' as $$
begin
  update public.users u set email_verified_at = coalesce(u.email_verified_at, now()) where u.id = account.id;
  perform private.use_mail_tokens(account.id, 'verification');
end $$;
comment on function private.verify_account(public.users) is
  'Marks the address as verified and invalidates every verification token.';

create function private.use_verification_token(digest text, expected uuid, ip text) returns jsonb
language plpgsql set search_path = '' as $$
declare
  token private.mail_tokens;
  account public.users;
  state text;
begin
  perform set_config('role', 'service_role', true);
  perform private.count_by_address('secret', use_verification_token.ip);
  account := private.lock_token_owner(use_verification_token.digest);
  select t.* into token from private.mail_tokens t where t.digest = decode(use_verification_token.digest, 'hex');
  state := private.token_state(token, account);
  -- A refusal is a result, not an exception, so that the attempt stays counted.
  if state = 'unknown' or token.purpose = 'password_reset' or account.id is distinct from coalesce(expected, account.id) then
    return jsonb_build_object('refusal', 'verification_token_invalid');
  end if;
  perform private.uncount_secret(use_verification_token.ip);
  if state <> 'valid' then
    return jsonb_build_object('refusal',
      case state when 'used' then 'verification_token_used' else 'verification_token_invalid' end);
  end if;
  if token.purpose = 'email_change' then
    return private.confirm_email_change(account, token.email);
  end if;
  perform private.verify_account(account);
  return jsonb_build_object('email', account.email);
end $$;
comment on function private.use_verification_token(text, uuid, text) is
  'POST /auth/verify-email by token. expected is the account that the caller named, or null. Returns {email}, {refusal}, or '
  '{change: {user_id, email, auth_email}}: Auth has to change the address of a developer before it counts. Errors: '
  'attempts_exceeded.';

create function private.use_verification_code(user_id uuid, code_digest text, ip text) returns jsonb
language plpgsql set search_path = '' as $$
declare
  account public.users;
  wait integer;
  is_right boolean;
begin
  perform set_config('role', 'service_role', true);
  perform private.count_by_address('secret', use_verification_code.ip);
  wait := private.fill_bucket(private.bucket_name('code', use_verification_code.user_id::text), 20, 600);
  if wait > 0 then
    raise exception 'attempts_exceeded' using detail = jsonb_build_object('retry_after_seconds', wait);
  end if;
  select u.* into account from public.users u
  where u.id = use_verification_code.user_id and u.deactivated_at is null for update;
  select bool_or(t.code_digest = decode(use_verification_code.code_digest, 'hex')) into is_right
  from private.mail_tokens t
  where t.user_id = account.id and t.purpose = 'verification' and t.email = account.email
    and t.used_at is null and t.expires_at > now() and t.code_tries < 5;
  if is_right is distinct from true then
    update private.mail_tokens t set code_tries = t.code_tries + 1
    where t.user_id = account.id and t.purpose = 'verification' and t.used_at is null and t.code_tries < 5;
    return jsonb_build_object('refusal', 'verification_token_invalid');
  end if;
  perform private.uncount_secret(use_verification_code.ip);
  delete from private.auth_attempts a where a.bucket = private.bucket_name('code', account.id::text);
  perform private.verify_account(account);
  return jsonb_build_object('email', account.email);
end $$;
comment on function private.use_verification_code(uuid, text, text) is
  'POST /auth/verify-email by account and code: {email} or {refusal}. Five wrong codes invalidate all mailed codes. An account '
  'has a burst of twenty wrong codes, then one in ten minutes. Errors: attempts_exceeded.';

create function private.request_verification(credentials jsonb, account jsonb, ip text) returns void
language plpgsql set search_path = '' as $$
declare
  v_project uuid := (credentials ->> 'project_id')::uuid;
  is_own boolean;
  subject text;
  wanted uuid;
  wait integer;
begin
  perform private.authorize_and_set_role(credentials, 'public');
  perform set_config('role', 'service_role', true);
  perform private.count_by_address('mail', request_verification.ip);
  is_own := coalesce(account ->> 'user_id', account ->> 'email') is null;
  select u.id into wanted
  from public.users u left join public.projects p on p.id = u.project_id
  where case
      when is_own then u.id = (credentials ->> 'user_id')::uuid
      when account ->> 'user_id' is not null then u.id = (account ->> 'user_id')::uuid
      else u.project_id is not distinct from v_project and u.email_fold = private.fold_email(account ->> 'email') end
    and u.email_verified_at is null and u.deactivated_at is null and (p.id is null or (p.is_active and p.deleted_at is null));
  subject := coalesce(wanted::text, case when is_own then credentials ->> 'user_id' end, account ->> 'user_id',
    coalesce(v_project::text, '') || ':' || private.fold_email(account ->> 'email'));
  wait := private.request_mail(wanted, 'verification', subject);
  if wait > 0 and is_own then
    raise exception 'mail_limit_exceeded' using detail = jsonb_build_object('retry_after_seconds', wait);
  end if;
end $$;
comment on function private.request_verification(jsonb, jsonb, text) is
  'Requests a verification mail: for {user_id} or {email}, with the same answer if there is no such account, else for the '
  'caller. Errors: attempts_exceeded, mail_limit_exceeded (only for the caller''s own account), those of private.authorize.';

alter table private.mail_tokens enable row level security;

grant select, insert, update, delete on private.mail_tokens to service_role;
grant execute on function
  private.lock_token_owner(text),
  private.token_state(private.mail_tokens, public.users),
  private.use_mail_tokens(uuid, text),
  private.verify_account(public.users)
to service_role;

-- The audit trail: who changed an account, a project, a key or a plan, when, and from where. Triggers write it, so it covers
-- every write to the tables. Nobody can change it afterwards, not even service_role or the owner.

create table public.audit_events (
  id bigint generated always as identity primary key,
  occurred_at timestamptz not null default now(),
  resource text not null,
  resource_id text not null,
  action text not null constraint audit_events_action check (action in ('create', 'update', 'delete')),
  changes jsonb not null default '{}' constraint audit_events_changes_object check (jsonb_typeof(changes) = 'object'),
  project_id uuid,
  actor_id uuid,
  actor_role text not null
    constraint audit_events_actor_role check (actor_role in ('operator', 'developer', 'end_user', 'anonymous', 'system')),
  ip inet,
  user_agent text,
  request_id text
);
create index audit_events_project_id on public.audit_events (project_id, id desc);
create index audit_events_occurred_at on public.audit_events (occurred_at);

comment on table public.audit_events is
  'Every change to accounts, projects, keys and plans. Append-only, without hashes and personal data. It has no foreign keys, '
  'because events outlive their subjects.';
comment on column public.audit_events.id is 'Grows in the order of the changes.';
comment on column public.audit_events.occurred_at is 'When the change was made.';
comment on column public.audit_events.resource is
  'user, project, project_transfer, api_key, developer_key, operator_key, webhook or plan.';
comment on column public.audit_events.resource_id is 'The id of the changed row.';
comment on column public.audit_events.action is 'create, update or delete.';
comment on column public.audit_events.changes is
  '{column: {old, new}}; of a personal or secret column only {redacted: true}; empty for a delete.';
comment on column public.audit_events.project_id is 'The project of the changed row; null for developers, operators and plans.';
comment on column public.audit_events.actor_id is 'The account that made the change, if any.';
comment on column public.audit_events.actor_role is
  'The role of the account at that time. anonymous is a request without an account, such as a registration; system is no request.';
comment on column public.audit_events.ip is 'Address of the caller.';
comment on column public.audit_events.user_agent is 'User agent of the caller.';
comment on column public.audit_events.request_id is 'X-Request-Id of the request.';

create function private.record_audit() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  unwatched constant text[] := '{key_hash,email_fold,updated_at,last_used_at,purge_at,purge_started_at,previous_secret,failing_since}';
  -- The URL of a webhook may contain a token.
  personal constant text[] := '{email,full_name,secret,url}';
  before jsonb;
  after jsonb;
  subject jsonb;
  changed jsonb;
  request text := nullif(current_setting('app.request_id', true), '');
  address inet;
begin
  begin
    address := nullif(current_setting('app.ip', true), '')::inet;
  exception when invalid_text_representation then
    address := null;
  end;
  if tg_op <> 'INSERT' then
    before := to_jsonb(old) - unwatched;
  end if;
  if tg_op <> 'DELETE' then
    after := to_jsonb(new) - unwatched;
  end if;
  subject := coalesce(after, before);
  if tg_op <> 'DELETE' then
    select jsonb_object_agg(field.name, case when field.name = any (personal) then '{"redacted": true}'::jsonb
      else jsonb_build_object('old', before -> field.name, 'new', after -> field.name) end)
    into changed
    from jsonb_object_keys(after) as field (name)
    where coalesce(before -> field.name, 'null') is distinct from after -> field.name;
    if changed is null then
      return null;
    end if;
  end if;
  insert into public.audit_events
    (resource, resource_id, action, changes, project_id, actor_id, actor_role, ip, user_agent, request_id)
  values (tg_argv[0], subject ->> 'id',
    case tg_op when 'INSERT' then 'create' when 'UPDATE' then 'update' else 'delete' end, coalesce(changed, '{}'),
    (case when tg_argv[0] = 'project' then subject ->> 'id' else subject ->> 'project_id' end)::uuid,
    nullif(current_setting('app.user_id', true), '')::uuid,
    coalesce(nullif(current_setting('app.user_role', true), ''), case when request is null then 'system' else 'anonymous' end),
    address,
    nullif(current_setting('app.user_agent', true), ''), request);
  return null;
end $$;
comment on function private.record_audit() is
  'Trigger: writes the change as audit_events of the resource in its argument. Definer: nobody else may insert there.';

create function private.refuse_audit_change() returns trigger
language plpgsql set search_path = '' as $$
begin
  if tg_op = 'DELETE' then
    if current_setting('app.audit_retention', true) = 'on' and old.occurred_at < now() - interval '30 days' then
      return old;
    end if;
  end if;
  raise exception 'audit_events is append-only' using errcode = 'insufficient_privilege',
    hint = 'Nobody can change audit events. They are deleted after the time that docs/limits.md names.';
end $$;
comment on function private.refuse_audit_change() is
  'Trigger: refuses every update and delete, except that private.remove_old_audit_events may delete events older than 30 days.';

create function private.remove_old_audit_events(days integer, batch_size integer) returns integer
language plpgsql security definer set search_path = '' as $$
declare
  removed integer;
begin
  perform set_config('app.audit_retention', 'on', true);
  delete from public.audit_events event where event.id in (
    select e.id from public.audit_events e
    where e.occurred_at < now() - make_interval(days => greatest(remove_old_audit_events.days, 30))
    order by e.occurred_at limit batch_size);
  get diagnostics removed = row_count;
  perform set_config('app.audit_retention', '', true);
  return removed;
end $$;
comment on function private.remove_old_audit_events(integer, integer) is
  'Removes a batch of events that are older than the given number of days, never less than 30. Definer: nobody else may '
  'delete there.';

create function private.list_audit_events(
  credentials jsonb, project_id uuid, resource text, action text, page integer, page_size integer)
returns jsonb
language plpgsql set search_path = '' as $$
declare
  is_operator boolean;
  total bigint;
  items jsonb;
begin
  perform private.authorize_and_set_role(credentials, 'projects');
  perform private.require_project(project_id);
  is_operator := current_setting('app.user_role') = 'operator';
  perform set_config('role', 'service_role', true);
  select count(*) into total from public.audit_events e
  where e.project_id = list_audit_events.project_id
    and (list_audit_events.resource is null or e.resource = list_audit_events.resource)
    and (list_audit_events.action is null or e.action = list_audit_events.action);
  select coalesce(jsonb_agg(jsonb_build_object(
    'id', on_page.id, 'occurred_at', on_page.occurred_at, 'resource', on_page.resource, 'resource_id', on_page.resource_id,
    'action', on_page.action, 'changes', on_page.changes, 'actor_id', on_page.actor_id, 'actor_role',
    case on_page.actor_role when 'operator' then 'platform_operator' else on_page.actor_role end,
    -- A developer does not see an operator's address.
    'ip', case when is_operator or on_page.actor_role <> 'operator' then host(on_page.ip) end,
    'user_agent', case when is_operator or on_page.actor_role <> 'operator' then on_page.user_agent end,
    'request_id', on_page.request_id) order by on_page.id desc), '[]')
  into items
  from (
    select * from public.audit_events e
    where e.project_id = list_audit_events.project_id
      and (list_audit_events.resource is null or e.resource = list_audit_events.resource)
      and (list_audit_events.action is null or e.action = list_audit_events.action)
    order by e.id desc
    limit page_size offset (page - 1)::bigint * page_size
  ) as on_page;
  return jsonb_build_object('events', items, 'total', total, 'page', page, 'page_size', page_size);
end $$;
comment on function private.list_audit_events(jsonb, uuid, text, text, integer, integer) is
  'GET /projects/{id}/audit, newest first. Errors: project_not_found, those of private.authorize.';

create trigger audit_events_refuse before update or delete on public.audit_events
  for each row execute function private.refuse_audit_change();
create trigger audit_events_refuse_truncate before truncate on public.audit_events
  for each statement execute function private.refuse_audit_change();
create trigger users_audit after insert or update or delete on public.users
  for each row execute function private.record_audit('user');
create trigger projects_audit after insert or update or delete on public.projects
  for each row execute function private.record_audit('project');
create trigger api_keys_audit after insert or update or delete on public.api_keys
  for each row execute function private.record_audit('api_key');
create trigger developer_keys_audit after insert or update or delete on public.developer_keys
  for each row execute function private.record_audit('developer_key');
create trigger operator_keys_audit after insert or update or delete on public.operator_keys
  for each row execute function private.record_audit('operator_key');
create trigger plans_audit after insert or update or delete on public.plans
  for each row execute function private.record_audit('plan');

alter table public.audit_events enable row level security;

grant select on public.audit_events to service_role;

-- The models at Replicate that callers may name. An operator can change who may use a model; its input names are in the code.
-- The default models are settings of the function and always allowed.

create table public.models (
  id text primary key constraint models_id_form check (id ~ '^[A-Za-z0-9._-]+/[A-Za-z0-9._-]+(:[0-9a-f]{64})?$'),
  plan_ids text[],
  is_active boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

comment on table public.models is 'Models that a request may name.';
comment on column public.models.id is 'owner/name as at Replicate, with :version if the model runs only by version.';
comment on column public.models.plan_ids is 'Plans that may use it; null is every plan.';
comment on column public.models.is_active is 'If false, nobody may use it.';
comment on column public.models.created_at is 'When it was added.';
comment on column public.models.updated_at is 'When it last changed.';

create function private.require_model(model text, plan text) returns void
language plpgsql stable set search_path = '' as $$
begin
  if not exists (
    select from public.models m
    where m.id = model and m.is_active and (m.plan_ids is null or plan = any (m.plan_ids)))
  then
    raise exception 'model_not_allowed';
  end if;
end $$;
comment on function private.require_model(text, text) is
  'Errors: model_not_allowed, whether the model is unknown, inactive or needs a larger plan.';

create function private.list_models(credentials jsonb, defaults jsonb) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_project uuid;
  plan text;
begin
  perform private.authorize_and_set_role(credentials, 'status');
  v_project := current_setting('app.project_id')::uuid;
  perform set_config('role', 'service_role', true);
  plan := (private.project_plan(v_project)).id;
  return (
    select coalesce(jsonb_agg(distinct allowed.id order by allowed.id), '[]') from (
      select m.id from public.models m where m.is_active and (m.plan_ids is null or plan = any (m.plan_ids))
      union
      select jsonb_array_elements_text(defaults)) as allowed);
end $$;
comment on function private.list_models(jsonb, jsonb) is
  'GET /models: the ids of models that the project may use. They always include the defaults. Errors: those of private.authorize.';

create function private.list_plans(credentials jsonb) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_actor uuid;
  is_operator boolean;
begin
  perform private.authorize_and_set_role(credentials, 'projects');
  v_actor := private.actor_id();
  is_operator := current_setting('app.user_role') = 'operator';
  perform set_config('role', 'service_role', true);
  return (
    select coalesce(jsonb_agg(jsonb_build_object('id', plan.id, 'is_default', plan.is_default,
      'is_current', plan.id is not distinct from account.plan_id,
      'generations_per_month', plan.generations_per_month, 'concurrent_generations', plan.concurrent_generations,
      'projects', plan.projects, 'api_keys_per_project', plan.api_keys_per_project, 'requests_per_day', plan.requests_per_day,
      'reads_per_minute', plan.reads_per_minute, 'auth_calls_per_hour', plan.auth_calls_per_hour,
      'models', (select coalesce(jsonb_agg(m.id order by m.id), '[]') from public.models m
        where m.is_active and (m.plan_ids is null or plan.id = any (m.plan_ids))))
      order by plan.generations_per_month nulls last, plan.id), '[]')
    from public.plans plan
    join public.users account on account.id = v_actor
    where is_operator or plan.is_listed or plan.id is not distinct from account.plan_id
      or exists (select from public.projects p where p.owner_id = v_actor and p.plan_id = plan.id and p.deleted_at is null));
end $$;
comment on function private.list_plans(jsonb) is
  'GET /plans: the listed plans, and those of the caller and of the caller''s projects. An operator gets all. Errors: those of '
  'private.authorize.';

create trigger models_touch before update on public.models
  for each row execute function private.touch_updated_at();

alter table public.models enable row level security;

grant select, insert, update, delete on public.models to service_role;
grant execute on function private.require_model(text, text) to service_role;

-- A generation is one requested image: pending → processing → completed | failed | canceled, never backwards. It is charged to
-- its project's month when it is created. If it does not complete, it is refunded exactly once.

create table public.generations (
  id uuid primary key,
  project_id uuid references public.projects (id) on delete cascade,
  user_id uuid references public.users (id) on delete cascade,
  status text not null default 'pending'
    constraint generations_status check (status in ('pending', 'processing', 'completed', 'failed', 'canceled')),
  instructions text not null constraint generations_instructions_length check (length(instructions) between 1 and 1000),
  model text not null,
  options jsonb not null default '{}' constraint generations_options_object check (jsonb_typeof(options) = 'object'),
  example_images jsonb not null default '[]'
    constraint generations_example_images_array check (jsonb_typeof(example_images) = 'array'),
  outputs jsonb not null default '[]' constraint generations_outputs_array check (jsonb_typeof(outputs) = 'array'),
  is_public boolean not null default false,
  link_version integer not null default 1,
  error_code text,
  error text,
  charge text not null constraint generations_charge check (charge in ('reserved', 'committed', 'refunded')),
  charged_month date not null,
  prediction_id text,
  predict_seconds double precision constraint generations_predict_seconds_positive check (predict_seconds >= 0),
  submission text not null default 'waiting'
    constraint generations_submission check (submission in ('waiting', 'submitting', 'unclear', 'accepted')),
  submission_attempts integer not null default 0,
  next_check_at timestamptz,
  submitted_at timestamptz,
  completed_at timestamptz,
  expires_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint generations_owned_or_anonymous check (
    (project_id is null) = (user_id is null) and (project_id is null) = (expires_at is not null)),
  constraint generations_completed_has_output check (status <> 'completed' or jsonb_array_length(outputs) > 0),
  constraint generations_failed_says_why check (status not in ('failed', 'canceled') or num_nulls(error_code, error) = 0),
  constraint generations_final_has_time check ((completed_at is not null) = (status in ('completed', 'failed', 'canceled'))),
  constraint generations_final_is_settled check (
    (status in ('pending', 'processing') and charge = 'reserved')
    or (status = 'completed' and charge = 'committed')
    or (status = 'failed' and charge = 'refunded')
    or (status = 'canceled' and charge in ('committed', 'refunded')))
);
create unique index generations_prediction_id on public.generations (prediction_id) where prediction_id is not null;
create index generations_user_id on public.generations (user_id, created_at desc, id desc);
create index generations_project_id on public.generations (project_id, created_at desc, id desc);
create index generations_project_user on public.generations (project_id, user_id, created_at desc, id desc);
create index generations_public on public.generations (created_at desc, id desc)
  include (project_id) where is_public and status = 'completed';
create index generations_project_public on public.generations (project_id, created_at desc, id desc)
  where is_public and status = 'completed';
create index generations_expires_at on public.generations (expires_at) where expires_at is not null;
create index generations_running on public.generations (project_id) where status in ('pending', 'processing');
create index generations_due on public.generations (next_check_at) where next_check_at is not null;

comment on table public.generations is 'Requested images, with their state and the paths of their files.';
comment on column public.generations.id is 'Chosen by the API, since the paths of its files contain it.';
comment on column public.generations.project_id is 'The project whose quota it uses; null for anonymous ones.';
comment on column public.generations.user_id is 'The account that requested it; null for anonymous ones.';
comment on column public.generations.status is 'pending, processing, then completed, failed or canceled.';
comment on column public.generations.instructions is 'The prompt.';
comment on column public.generations.model is 'Model at Replicate, owner/name.';
comment on column public.generations.options is 'The options of the request, such as aspect_ratio.';
comment on column public.generations.example_images is
  'Uploaded pictures: [{path, content_type, bytes, width, height}], paths in bucket uploads.';
comment on column public.generations.outputs is
  'Results: [{path, content_type, bytes, width, height, sha256}], paths in bucket generations.';
comment on column public.generations.is_public is 'Whether everybody may see the result.';
comment on column public.generations.link_version is
  'Part of every signed URL of its pictures. Un-publishing raises it, so that older URLs become invalid.';
comment on column public.generations.error_code is 'The reason why it has no picture, as a code.';
comment on column public.generations.error is 'The reason why it has no picture, as a sentence.';
comment on column public.generations.charge is
  'reserved while it runs; committed when it completes or is canceled beyond private.cancel_limit; else refunded.';
comment on column public.generations.charged_month is 'First day of the UTC month whose quota it uses.';
comment on column public.generations.prediction_id is 'The prediction at Replicate.';
comment on column public.generations.predict_seconds is 'Replicate''s metrics.predict_time, which Replicate bills.';
comment on column public.generations.submission is
  'waiting: not sent. submitting: one request is running. unclear: sent without an answer, and never sent again. accepted: '
  'prediction_id is known.';
comment on column public.generations.submission_attempts is 'The number of requests to Replicate that were begun.';
comment on column public.generations.next_check_at is 'When the reconciler checks it next; null when it is final.';
comment on column public.generations.submitted_at is 'When the last request to Replicate was begun.';
comment on column public.generations.completed_at is 'When it became completed, failed or canceled.';
comment on column public.generations.expires_at is 'When it is deleted with its files. Only anonymous ones expire.';
comment on column public.generations.created_at is 'When it was requested.';
comment on column public.generations.updated_at is 'When it last changed.';

create table public.generation_events (
  id bigint generated always as identity primary key,
  generation_id uuid not null references public.generations (id) on delete cascade,
  kind text not null,
  webhook_id text,
  created_at timestamptz not null default now()
);
create unique index generation_events_webhook_id on public.generation_events (webhook_id);
create index generation_events_generation_id on public.generation_events (generation_id, id);
create index generation_events_webhook_age on public.generation_events (created_at) where webhook_id is not null;
create index generation_events_age on public.generation_events (created_at) where webhook_id is null;
-- Events are stored in the order of time, so a few pages contain the last hour.
create index generation_events_created_at on public.generation_events using brin (created_at)
  with (pages_per_range = 16, autosummarize = on);

comment on table public.generation_events is 'The history of a generation, in order: its states and the accepted webhooks.';
comment on column public.generation_events.id is 'Grows in the order of the events.';
comment on column public.generation_events.generation_id is 'The generation of the event.';
comment on column public.generation_events.kind is 'A state of the generation, or webhook.';
comment on column public.generation_events.webhook_id is
  'Replicate''s id of the delivery. A second delivery with it is a duplicate.';
comment on column public.generation_events.created_at is 'When it happened.';

create function private.cancel_limit(quota integer) returns integer
language plpgsql immutable set search_path = '' as $$
begin
  return case when quota is not null then greatest(3, quota / 10) end;
end $$;
comment on function private.cancel_limit(integer) is
  'How many cancels after sending are refunded in a month, since sent requests cost money. Null without a quota.';

create function private.sent_limit(quota integer) returns integer
language plpgsql immutable set search_path = '' as $$
begin
  return 2 * quota + 10;
end $$;
comment on function private.sent_limit(integer) is
  'How many generations may be sent to the provider within a quota, failed ones included. Null without a quota.';

create function private.take_cancel(project_id uuid, month date) returns boolean
language plpgsql set search_path = '' as $$
declare
  quota integer := (private.project_plan(project_id)).generations_per_month;
begin
  update public.generation_usage usage set canceled = usage.canceled + 1
  where usage.project_id = take_cancel.project_id and usage.month = take_cancel.month
    and (quota is null or usage.canceled < private.cancel_limit(quota));
  return found;
end $$;
comment on function private.take_cancel(uuid, date) is
  'Counts a cancel of a sent generation. False if the month has none left; the generation then stays charged.';

-- row_to_json takes half the time of json_build_object, which looks up the type of each field again.
create view private.generation_items with (security_invoker = true) as
select g.id, g.project_id, g.user_id, g.status, g.is_public, g.created_at,
  (select row_to_json(item) from (select g.id, g.status, g.instructions, g.model, g.example_images, g.outputs, g.is_public,
    g.link_version, g.error, g.error_code, g.charge <> 'refunded' as charged, g.created_at, g.updated_at, g.completed_at) as item) as item
from public.generations g;
comment on view private.generation_items is
  'item is a generation with paths of files, which the API turns into URLs. The other columns are for filters.';

create function private.check_generation_update() returns trigger
language plpgsql set search_path = '' as $$
begin
  if old.status in ('completed', 'failed', 'canceled') and (new.status, new.outputs, new.charge, new.error_code)
    is distinct from (old.status, old.outputs, old.charge, old.error_code)
    or old.status = 'processing' and new.status = 'pending'
    or old.prediction_id is not null and new.prediction_id is distinct from old.prediction_id
  then
    raise exception 'generation_state_conflict' using
      hint = 'pending, processing, then completed, failed or canceled, and never back. To end one: POST /api/v1/generation/{id}/cancel.';
  end if;
  new.updated_at := now();
  return new;
end $$;
comment on function private.check_generation_update() is
  'Trigger: a generation never goes back to an earlier status, and never changes once it is final.';

create function private.on_generation_changed() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if tg_op = 'INSERT' or new.status is distinct from old.status then
    insert into public.generation_events (generation_id, kind) values (new.id, new.status);
  end if;
  -- A refusal that is certain releases the lease, because no prediction was created.
  if tg_op = 'UPDATE' and (old.submission = 'waiting') is distinct from (new.submission = 'waiting') then
    update public.generation_usage usage set sent = usage.sent + case when old.submission = 'waiting' then 1 else -1 end
    where usage.project_id = new.project_id and usage.month = new.charged_month;
    update private.user_usage usage set sent = usage.sent + case when old.submission = 'waiting' then 1 else -1 end
    where usage.user_id = new.user_id and usage.day = (new.created_at at time zone 'utc')::date;
  end if;
  if tg_op = 'UPDATE' and old.charge = 'reserved' and new.charge = 'refunded' then
    update public.generation_usage usage set generations = usage.generations - 1
    where usage.project_id = new.project_id and usage.month = new.charged_month;
    perform private.return_user_quota(new, new.status = 'canceled' and new.submission <> 'waiting');
  end if;
  if tg_op = 'UPDATE' and new.status = 'canceled' and old.status = 'pending' and new.prediction_id is null
    and new.submission in ('submitting', 'unclear')
  then
    insert into private.cleanup_tasks (kind, target, generation_id) values ('submission', new.submitted_at::text, new.id);
  end if;
  return null;
end $$;
comment on function private.on_generation_changed() is
  'Trigger: records the new state, counts sent generations, and returns refunded ones to the quota, in the same transaction. '
  'For a canceled generation with an unclear outcome, it queues a search for the prediction. Definer: the caller may have no '
  'rights to these tables.';

create function private.on_generation_deleted() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if old.charge = 'reserved' and (old.submission = 'waiting' or private.take_cancel(old.project_id, old.charged_month)) then
    update public.generation_usage usage set generations = usage.generations - 1
    where usage.project_id = old.project_id and usage.month = old.charged_month;
    perform private.return_user_quota(old, old.submission <> 'waiting');
  end if;
  insert into private.cleanup_tasks (kind, target, generation_id)
  select 'prediction', old.prediction_id, old.id
  where old.prediction_id is not null and old.status in ('pending', 'processing')
  union all
  select 'submission', old.submitted_at::text, old.id
  where old.prediction_id is null and old.status = 'pending' and old.submission in ('submitting', 'unclear')
  union all
  select 'uploads', file ->> 'path', old.id from jsonb_array_elements(old.example_images) file
  union all
  select 'generations', file ->> 'path', old.id from jsonb_array_elements(old.outputs) file;
  return null;
end $$;
comment on function private.on_generation_deleted() is
  'Trigger, for every way to delete a generation: queues the cancel of its prediction and the removal of its files. If it had '
  'not ended, it is refunded as a cancel is. Definer: the caller may have no rights to these tables.';

create trigger generations_deleted after delete on public.generations
  for each row execute function private.on_generation_deleted();
create trigger generations_check before update on public.generations
  for each row execute function private.check_generation_update();
create trigger generations_changed after insert or update on public.generations
  for each row execute function private.on_generation_changed();

alter table public.generations enable row level security;
alter table public.generation_events enable row level security;
create policy generations_select_self_or_owner on public.generations for select to authenticated
  using ((user_id = (select private.actor_id()) and project_id = (select private.actor_project_id()))
    or project_id = any ((select private.managed_project_ids())::uuid[]));

grant select (id, project_id, user_id, status, instructions, model, options, example_images, outputs, is_public,
  link_version, error_code, error, charge, charged_month, completed_at, created_at, updated_at)
  on public.generations to authenticated;
grant select, insert, update, delete on public.generations, public.generation_events to service_role;
grant select on private.generation_items to authenticated, service_role;
grant execute on function
  private.cancel_limit(integer),
  private.sent_limit(integer),
  private.take_cancel(uuid, date)
to service_role;

-- Reads of one generation, lists, files and the usage of the plan.

create function private.require_generation(id uuid) returns void
language plpgsql stable set search_path = '' as $$
begin
  if not exists (select from public.generations g
    where g.id = require_generation.id and g.project_id = current_setting('app.project_id')::uuid)
  then
    raise exception 'generation_not_found';
  end if;
end $$;
comment on function private.require_generation(uuid) is
  'Passes if row-level security shows the generation of the named project, else generation_not_found.';

create function private.is_generation_served(id uuid) returns boolean
language plpgsql stable security definer set search_path = '' as $$
begin
  return exists (
    select from public.generations g
    left join public.projects project on project.id = g.project_id
    left join public.users owner on owner.id = project.owner_id
    where g.id = is_generation_served.id
      and (g.project_id is null or (project.deleted_at is null and project.is_active and owner.deactivated_at is null))
  );
end $$;
comment on function private.is_generation_served(uuid) is
  'Whether the project of a generation and its owner''s account are active. Otherwise its pictures are not served. Definer: an '
  'end user cannot read projects.';

create function private.get_generation_status(credentials jsonb, id uuid) returns json
language plpgsql set search_path = '' as $$
declare
  caller_role text := private.authorize_and_set_role(credentials, 'status');
  found json;
begin
  select i.item into found from private.generation_items i
  where i.id = get_generation_status.id and i.project_id = current_setting('app.project_id')::uuid;
  if found is null then
    raise exception 'generation_not_found';
  end if;
  return found;
end $$;
comment on function private.get_generation_status(jsonb, uuid) is
  'GET /generation/{id}/status. Errors: generation_not_found, those of private.authorize.';

create function private.get_generation_file(credentials jsonb, id uuid, kind text, "position" integer, link_version integer)
returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_signed_in boolean := credentials ->> 'user_id' is not null or credentials ->> 'operator_key_hash' is not null;
  v_project uuid;
  file jsonb;
begin
  -- A link version comes from a URL that the API signed for an authorized caller. It identifies nobody.
  perform private.authorize_and_set_role(credentials, case when v_signed_in and link_version is null then 'generation' else 'public' end);
  v_project := nullif(current_setting('app.project_id'), '')::uuid;
  if link_version is not null then
    perform set_config('role', 'service_role', true);
    select case get_generation_file.kind when 'output' then g.outputs else g.example_images end -> "position" into file
    from public.generations g
    where g.id = get_generation_file.id and g.link_version = get_generation_file.link_version
      and (g.expires_at is null or g.expires_at > now());
  elsif v_signed_in then
    select case get_generation_file.kind when 'output' then g.outputs else g.example_images end -> "position" into file
    from public.generations g
    where g.id = get_generation_file.id and g.project_id = v_project;
  end if;
  -- Published pictures are for everybody, signed in or not.
  if file is null and link_version is null and kind = 'output' then
    perform set_config('role', 'service_role', true);
    select g.outputs -> "position" into file
    from public.generations g
    where g.id = get_generation_file.id and g.is_public and (v_project is null or g.project_id = v_project);
  end if;
  if file is null then
    raise exception 'image_not_found';
  end if;
  perform set_config('role', 'service_role', true);
  if not private.is_generation_served(id) then
    raise exception 'image_not_found';
  end if;
  return file;
end $$;
comment on function private.get_generation_file(jsonb, uuid, text, integer, integer) is
  'The path of a picture of a generation. kind is output or example; link_version is that of a signed URL, or null. Errors: '
  'image_not_found, those of private.authorize.';

-- The time depends on the page, not on the number of rows. Rows come in the order of the index, and a page by number begins
-- after the last row of the page before. Plans are generic, because each call would make a custom plan again. A generic plan
-- does not know the size of a page and would sort the whole list, so sorting is off.
create function private.list_generations(credentials jsonb, page integer, per_page integer, after_created_at text,
  after_id uuid, known_total bigint default null) returns json
language plpgsql set search_path = '' set plan_cache_mode = force_generic_plan set enable_sort = off as $$
declare
  v_project uuid;
  v_user uuid;
  v_after timestamptz := coalesce(after_created_at::timestamptz, 'infinity');
  v_after_id uuid := coalesce(after_id, 'ffffffff-ffff-ffff-ffff-ffffffffffff');
  skipped integer := case when after_id is null then (page - 1) * per_page else 0 end;
  total bigint := known_total;
  items json;
begin
  perform private.authorize_and_set_role(credentials, 'generation');
  v_project := current_setting('app.project_id')::uuid;
  -- End users see their own generations, the project's owner sees all. The policy says the same, but this condition can use an index.
  if current_setting('app.user_role') = 'end_user' then
    v_user := private.actor_id();
    if total is null then
      select count(*) into total from public.generations g where g.project_id = v_project and g.user_id = v_user;
    end if;
    if skipped > 0 then
      select g.created_at, g.id into v_after, v_after_id from public.generations g
      where g.project_id = v_project and g.user_id = v_user
      order by g.created_at desc, g.id desc limit 1 offset skipped - 1;
    end if;
    select coalesce(json_agg(page.item), '[]') into items from (
      select g.item from private.generation_items g
      where g.project_id = v_project and g.user_id = v_user and (g.created_at, g.id) < (v_after, v_after_id)
      order by g.created_at desc, g.id desc limit per_page + 1
    ) page;
  else
    if total is null then
      select count(*) into total from public.generations g where g.project_id = v_project;
    end if;
    if skipped > 0 then
      select g.created_at, g.id into v_after, v_after_id from public.generations g where g.project_id = v_project
      order by g.created_at desc, g.id desc limit 1 offset skipped - 1;
    end if;
    select coalesce(json_agg(page.item), '[]') into items from (
      select g.item from private.generation_items g
      where g.project_id = v_project and (g.created_at, g.id) < (v_after, v_after_id)
      order by g.created_at desc, g.id desc limit per_page + 1
    ) page;
  end if;
  return json_build_object('total', total, 'generations', items);
end $$;
comment on function private.list_generations(jsonb, integer, integer, text, uuid, bigint) is
  'GET /generation: {total, generations}, newest first, with one extra row if there is a next page. The page begins after '
  '(after_created_at, after_id), or has a number. The caller may pass the total of an earlier page. Errors: those of '
  'private.authorize.';

create function private.list_public_generations(credentials jsonb, page integer, per_page integer,
  after_created_at text, after_id uuid, known_total bigint default null) returns json
language plpgsql set search_path = '' set plan_cache_mode = force_generic_plan set enable_sort = off as $$
declare
  most_counted constant integer := 1000;
  v_project uuid;
  v_after timestamptz := coalesce(after_created_at::timestamptz, 'infinity');
  v_after_id uuid := coalesce(after_id, 'ffffffff-ffff-ffff-ffff-ffffffffffff');
  skipped integer := case when after_id is null then (page - 1) * per_page else 0 end;
  total bigint := known_total;
  hidden uuid[];
  items json;
begin
  perform private.authorize_and_set_role(credentials, 'public');
  v_project := nullif(current_setting('app.project_id'), '')::uuid;
  perform set_config('role', 'service_role', true);
  if v_project is null then
    hidden := array(
      select project.id from public.projects project where project.deleted_at is not null or not project.is_active
      union all
      select project.id from public.users owner join public.projects project on project.owner_id = owner.id
      where owner.deactivated_at is not null and owner.role <> 'end_user');
    if total is null then
      select count(*) into total from (
        select from public.generations g
        where g.is_public and g.status = 'completed' and g.project_id <> all (hidden) limit most_counted) counted;
    end if;
    if skipped > 0 then
      select g.created_at, g.id into v_after, v_after_id from public.generations g
      where g.is_public and g.status = 'completed' and g.project_id <> all (hidden)
      order by g.created_at desc, g.id desc limit 1 offset skipped - 1;
    end if;
    select coalesce(json_agg(page.item), '[]') into items from (
      select g.item from private.generation_items g
      where g.is_public and g.status = 'completed' and g.project_id <> all (hidden)
        and (g.created_at, g.id) < (v_after, v_after_id)
      order by g.created_at desc, g.id desc limit per_page + 1
    ) page;
  elsif exists (
    select from public.projects project join public.users owner on owner.id = project.owner_id
    where project.id = v_project and (project.deleted_at is not null or not project.is_active
      or (owner.deactivated_at is not null and owner.role <> 'end_user')))
  then
    total := 0;
    items := '[]';
  else
    if total is null then
      select count(*) into total from (
        select from public.generations g
        where g.is_public and g.status = 'completed' and g.project_id = v_project limit most_counted) counted;
    end if;
    if skipped > 0 then
      select g.created_at, g.id into v_after, v_after_id from public.generations g
      where g.is_public and g.status = 'completed' and g.project_id = v_project
      order by g.created_at desc, g.id desc limit 1 offset skipped - 1;
    end if;
    select coalesce(json_agg(page.item), '[]') into items from (
      select g.item from private.generation_items g
      where g.is_public and g.status = 'completed' and g.project_id = v_project
        and (g.created_at, g.id) < (v_after, v_after_id)
      order by g.created_at desc, g.id desc limit per_page + 1
    ) page;
  end if;
  return json_build_object('total', total, 'generations', items);
end $$;
comment on function private.list_public_generations(jsonb, integer, integer, text, uuid, bigint) is
  'GET /generation/public: like private.list_generations, for completed and published generations. The total is counted up to '
  '1,000. Errors: those of private.authorize.';

grant execute on function private.require_generation(uuid) to authenticated, service_role;
grant execute on function private.is_generation_served(uuid) to service_role;

-- Creates of generations: the model must be allowed and the quota must have room. Both are checked under locks.

create function private.create_generation(credentials jsonb, generation jsonb) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_project uuid;
  v_actor uuid;
  v_month date := date_trunc('month', now() at time zone 'utc')::date;
  limits public.plans;
  mine jsonb;
  created public.generations;
  created_json jsonb;
  claimed integer;
begin
  perform private.authorize_and_set_role(credentials, 'generation');
  v_project := current_setting('app.project_id')::uuid;
  v_actor := private.actor_id();
  perform set_config('role', 'service_role', true);
  if not private.hold_project(v_project) then
    raise exception 'project_inactive';
  end if;

  limits := private.project_plan(v_project);
  if (generation ->> 'model_requested')::boolean then
    perform private.require_model(generation ->> 'model', limits.id);
  end if;

  -- The usage row is locked from here on. Creates of one project take turns, so both counts below are correct.
  insert into public.generation_usage as usage (project_id, month, generations) values (v_project, v_month, 1)
  on conflict (project_id, month) do update set generations = usage.generations + 1
    where limits.generations_per_month is null
      or (usage.generations < limits.generations_per_month and usage.sent < private.sent_limit(limits.generations_per_month));
  if not found then
    raise exception '%', (
        select case when usage.generations < limits.generations_per_month then 'sent_limit_reached' else 'quota_exceeded' end
        from public.generation_usage usage where usage.project_id = v_project and usage.month = v_month)
      using detail = jsonb_build_object('retry_after_seconds',
        ceil(extract(epoch from (v_month + interval '1 month') - (now() at time zone 'utc'))));
  end if;
  if (select count(*) from public.generations g where g.project_id = v_project and g.status in ('pending', 'processing'))
    >= limits.concurrent_generations
  then
    raise exception 'concurrency_limit_reached' using detail = jsonb_build_object('retry_after_seconds', 5);
  end if;
  select private.user_limits(project, account) into mine
  from public.projects project, public.users account where project.id = v_project and account.id = v_actor;
  if mine is not null then
    perform private.take_user_quota(v_actor, mine);
  end if;

  insert into public.generations
    (id, project_id, user_id, instructions, model, options, example_images, is_public, charge, charged_month, next_check_at)
  values ((generation ->> 'id')::uuid, v_project, v_actor, generation ->> 'instructions', generation ->> 'model',
    coalesce(nullif(generation -> 'options', 'null'), '{}'), coalesce(nullif(generation -> 'example_images', 'null'), '[]'),
    coalesce((generation ->> 'is_public')::boolean, false), 'reserved', v_month, now() + interval '15 seconds')
  returning * into created;

  if jsonb_array_length(generation -> 'upload_ids') > 0 then
    update public.uploads upload set generation_id = created.id
    where upload.id in (select value::uuid from jsonb_array_elements_text(generation -> 'upload_ids'))
      and upload.generation_id is null and upload.project_id = v_project and upload.user_id = v_actor;
    get diagnostics claimed = row_count;
    if claimed <> jsonb_array_length(generation -> 'upload_ids') then
      raise exception 'upload_not_found';
    end if;
  end if;
  created_json := (select i.item from private.generation_items i where i.id = created.id);
  if generation ->> 'idempotency_key' is not null then
    perform private.finish_idempotent(created.id, created_json);
  end if;
  return created_json;
end $$;
comment on function private.create_generation(jsonb, jsonb) is
  'Reserves quota, inserts a pending generation, takes its uploads and finishes its idempotency key, in one transaction. '
  'Errors: quota_exceeded, sent_limit_reached, concurrency_limit_reached, those of private.take_user_quota (detail: seconds to '
  'wait), model_not_allowed, project_inactive, upload_not_found, project_not_found, idempotency_key_in_use, those of '
  'private.authorize.';

-- Publish, cancel and delete of generations. Each function finds the row under row-level security and writes as service_role.

create function private.publish_generation(credentials jsonb, id uuid, is_public boolean) returns jsonb
language plpgsql set search_path = '' as $$
begin
  perform private.authorize_and_set_role(credentials, 'generation');
  perform private.require_generation(id);
  perform set_config('role', 'service_role', true);
  update public.generations g
  set is_public = publish_generation.is_public,
    link_version = g.link_version + case when g.is_public and not publish_generation.is_public then 1 else 0 end
  where g.id = publish_generation.id and g.is_public is distinct from publish_generation.is_public;
  return jsonb_build_object('id', publish_generation.id, 'is_public', publish_generation.is_public);
end $$;
comment on function private.publish_generation(jsonb, uuid, boolean) is
  'PATCH /generation/{id}/public. Un-publishing also invalidates all earlier signed URLs. Errors: generation_not_found, those '
  'of private.authorize.';

create function private.end_canceled(id uuid, error_code text, errors jsonb) returns public.generations
language plpgsql set search_path = '' as $$
declare
  v_found public.generations;
  is_refunded boolean;
begin
  select * into v_found from public.generations g
  where g.id = end_canceled.id and g.status in ('pending', 'processing') for update;
  if v_found.id is null then
    return v_found;
  end if;
  is_refunded := v_found.submission = 'waiting' or v_found.project_id is null
    or private.take_cancel(v_found.project_id, v_found.charged_month);
  update public.generations g
  set status = 'canceled', error_code = end_canceled.error_code, completed_at = now(), next_check_at = null,
    error = errors ->> case when is_refunded then 'refunded' else 'charged' end,
    charge = case when is_refunded then 'refunded' else 'committed' end
  where g.id = v_found.id
  returning * into v_found;
  if v_found.prediction_id is not null then
    insert into private.cleanup_tasks (kind, target, generation_id) values ('prediction', v_found.prediction_id, v_found.id);
  end if;
  return v_found;
end $$;
comment on function private.end_canceled(uuid, text, jsonb) is
  'Cancels a generation, or returns null if it had ended. errors is {refunded, charged}, with a sentence for each. A sent one '
  'is refunded within private.cancel_limit. The cancel of its prediction is queued.';

create function private.cancel_generation(credentials jsonb, id uuid, errors jsonb) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_changed public.generations;
begin
  perform private.authorize_and_set_role(credentials, 'generation');
  perform private.require_generation(id);
  perform set_config('role', 'service_role', true);
  v_changed := private.end_canceled(id, 'canceled', errors);
  if v_changed.id is null then
    raise exception 'generation_not_running';
  end if;
  return (select i.item from private.generation_items i where i.id = v_changed.id);
end $$;
comment on function private.cancel_generation(jsonb, uuid, jsonb) is
  'POST /generation/{id}/cancel, by private.end_canceled. Errors: generation_not_running, generation_not_found, those of '
  'private.authorize.';

create function private.delete_generation(credentials jsonb, id uuid) returns void
language plpgsql set search_path = '' as $$
begin
  perform private.authorize_and_set_role(credentials, 'generation');
  perform private.require_generation(id);
  perform set_config('role', 'service_role', true);
  delete from public.generations g where g.id = delete_generation.id;
end $$;
comment on function private.delete_generation(jsonb, uuid) is
  'DELETE /generation/{id}. Its prediction and files become cleanup tasks in the same transaction. Errors: '
  'generation_not_found, those of private.authorize.';

grant execute on function private.end_canceled(uuid, text, jsonb) to service_role;

-- The pipeline submits a generation once and ends it once. Each step decides in one statement, so two workers, a repeated
-- webhook or a killed process change nothing twice.

create function private.claim_submission(id uuid, lease_seconds integer) returns jsonb
language plpgsql set search_path = '' as $$
declare
  claimed public.generations;
begin
  perform set_config('role', 'service_role', true);
  update public.generations g
  set submission = 'submitting', submission_attempts = g.submission_attempts + 1, submitted_at = now(),
    next_check_at = now() + make_interval(secs => lease_seconds)
  where g.id = claim_submission.id and g.status = 'pending' and g.submission = 'waiting'
  returning * into claimed;
  return case when claimed.id is not null then jsonb_build_object(
    'id', claimed.id, 'instructions', claimed.instructions, 'model', claimed.model, 'options', claimed.options,
    'example_images', claimed.example_images, 'attempt', claimed.submission_attempts) end;
end $$;
comment on function private.claim_submission(uuid, integer) is
  'Takes the only lease for sending a generation to Replicate. Null if it is taken or the generation was sent.';

create function private.record_submission(id uuid, prediction_id text) returns text
language plpgsql set search_path = '' as $$
declare
  v_status text;
begin
  perform set_config('role', 'service_role', true);
  update public.generations g
  set prediction_id = record_submission.prediction_id, submission = 'accepted',
    status = case when g.status = 'pending' then 'processing' else g.status end,
    next_check_at = case when g.completed_at is null then now() + interval '1 minute' end
  where g.id = record_submission.id and g.prediction_id is null
  returning g.status into v_status;
  if v_status is null then
    select g.status into v_status from public.generations g
    where g.id = record_submission.id and g.prediction_id = record_submission.prediction_id;
    if v_status is not null then
      return 'running';
    end if;
  end if;
  if v_status = 'processing' then
    return 'running';
  end if;
  -- The generation ended or was deleted during the request, so its prediction is canceled.
  insert into private.cleanup_tasks (kind, target, generation_id)
  values ('prediction', record_submission.prediction_id, record_submission.id);
  return 'unwanted';
end $$;
comment on function private.record_submission(uuid, text) is
  'Records the accepted prediction: running, or unwanted if the generation has ended or was deleted. In the second case its '
  'cancel is queued.';

create function private.release_submission(id uuid, outcome text, wait_seconds integer) returns void
language plpgsql set search_path = '' as $$
begin
  perform set_config('role', 'service_role', true);
  update public.generations g
  set submission = outcome, next_check_at = now() + make_interval(secs => wait_seconds)
  where g.id = release_submission.id and g.status = 'pending' and g.submission in ('submitting', 'unclear');
end $$;
comment on function private.release_submission(uuid, text, integer) is
  'Records a request without a known prediction: waiting (refused, send again after the wait) or unclear (never send again).';

create function private.record_webhook(id uuid, webhook_id text) returns text
language plpgsql set search_path = '' as $$
#variable_conflict use_column
begin
  perform set_config('role', 'service_role', true);
  insert into public.generation_events (generation_id, kind, webhook_id)
  select g.id, 'webhook', record_webhook.webhook_id from public.generations g where g.id = record_webhook.id
  on conflict (webhook_id) do nothing;
  return case
    when found then 'taken'
    when exists (select from public.generations g where g.id = record_webhook.id) then 'seen'
    else 'gone' end;
end $$;
comment on function private.record_webhook(uuid, text) is
  'Returns taken (process the webhook), seen (a duplicate) or gone (the generation was deleted).';

create function private.get_generation_work(id uuid) returns jsonb
language plpgsql set search_path = '' as $$
begin
  perform set_config('role', 'service_role', true);
  return (
    select jsonb_build_object('id', g.id, 'project_id', g.project_id, 'status', g.status, 'submission', g.submission,
      'prediction_id', g.prediction_id, 'submitted_at', g.submitted_at, 'created_at', g.created_at)
    from public.generations g where g.id = get_generation_work.id
  );
end $$;
comment on function private.get_generation_work(uuid) is
  'The progress of a generation: {id, project_id, status, submission, prediction_id, submitted_at, created_at}, or null.';

create function private.find_generation_states(ids jsonb) returns jsonb
language plpgsql set search_path = '' as $$
begin
  perform set_config('role', 'service_role', true);
  return (
    select coalesce(jsonb_agg(jsonb_build_object('id', g.id, 'status', g.status, 'prediction_id', g.prediction_id,
      'processing_at', (select min(e.created_at) from public.generation_events e
        where e.generation_id = g.id and e.kind = 'processing'))), '[]')
    from public.generations g where g.id in (select value::uuid from jsonb_array_elements_text(ids)));
end $$;
comment on function private.find_generation_states(jsonb) is
  'The status of each existing generation: [{id, status, prediction_id, processing_at}]. For long polls and streams, which '
  'read the generation afterwards.';

create function private.complete_generation(id uuid, outputs jsonb, predict_seconds double precision) returns boolean
language plpgsql set search_path = '' as $$
begin
  perform set_config('role', 'service_role', true);
  update public.generations g
  set status = 'completed', outputs = complete_generation.outputs, charge = 'committed',
    predict_seconds = complete_generation.predict_seconds, completed_at = now(), next_check_at = null
  where g.id = complete_generation.id and g.status in ('pending', 'processing');
  return found;
end $$;
comment on function private.complete_generation(uuid, jsonb, double precision) is
  'Completes a generation whose pictures are in Storage. False if it had ended before.';

create function private.fail_generation(
  id uuid, error_code text, error text, status text, predict_seconds double precision) returns boolean
language plpgsql set search_path = '' as $$
begin
  perform set_config('role', 'service_role', true);
  update public.generations g
  set status = fail_generation.status, error_code = fail_generation.error_code, error = fail_generation.error,
    predict_seconds = fail_generation.predict_seconds, charge = 'refunded', completed_at = now(), next_check_at = null
  where g.id = fail_generation.id and g.status in ('pending', 'processing');
  return found;
end $$;
comment on function private.fail_generation(uuid, text, text, text, double precision) is
  'Ends a generation as failed or canceled, and refunds it. False if it had ended before.';

create function private.claim_due_generations(batch_size integer) returns jsonb
language plpgsql set search_path = '' as $$
declare
  claimed jsonb;
begin
  perform set_config('role', 'service_role', true);
  with due as (
    select g.id from public.generations g
    where g.next_check_at <= now()
    order by g.next_check_at
    limit batch_size
    for update skip locked
  ), taken as (
    update public.generations g
    set next_check_at = now() + interval '1 minute',
      -- The lease has expired: the request may have reached Replicate, so it is never sent again.
      submission = case when g.submission = 'submitting' then 'unclear' else g.submission end
    from due where g.id = due.id
    returning g.id, g.project_id, g.status, g.submission, g.prediction_id, g.submitted_at, g.created_at
  )
  select coalesce(jsonb_agg(to_jsonb(taken)), '[]') into claimed from taken;
  return claimed;
end $$;
comment on function private.claim_due_generations(integer) is
  'Claims generations whose check is due, each for one caller at a time, in the form of private.get_generation_work.';

-- Generations without an account. They are counted per client address and in total, and found only by an unguessable id. When
-- they expire, they are deleted with their files.

create table private.anonymous_usage (
  day date not null,
  client text not null,
  generations integer not null default 0 constraint anonymous_usage_generations_positive check (generations >= 0),
  refused integer not null default 0 constraint anonymous_usage_refused_positive check (refused >= 0),
  primary key (day, client)
);

comment on table private.anonymous_usage is
  'Anonymous creates per UTC day. Failed ones count too, because the limit prevents abuse.';
comment on column private.anonymous_usage.day is 'The UTC day.';
comment on column private.anonymous_usage.client is
  'Keyed hash of the client''s address (of the /64 for IPv6), or * for everybody. The address itself is never stored.';
comment on column private.anonymous_usage.generations is 'The number of creates on that day.';
comment on column private.anonymous_usage.refused is
  'Uploads that were refused after they were read. Five count as one picture, because reading has a cost.';

create function private.check_anonymous(credentials jsonb, client text, limits jsonb) returns void
language plpgsql set search_path = '' as $$
declare
  v_day date := (now() at time zone 'utc')::date;
  v_midnight timestamptz := (v_day + 1)::timestamp at time zone 'utc';
  v_allowed integer := limits ->> 'per_client';
  v_used integer;
begin
  perform private.authorize_and_set_role(credentials, 'public');
  perform set_config('role', 'service_role', true);
  select coalesce((select u.generations + u.refused / 5 from private.anonymous_usage u
    where u.day = v_day and u.client = check_anonymous.client), 0) into v_used;
  if v_used >= v_allowed then
    raise exception 'anonymous_limit_reached' using
      detail = jsonb_build_object('rate_limit', private.limit_state('anonymous', v_allowed, v_used, 86400, v_midnight));
  end if;
  if exists (select from private.anonymous_usage u where u.day = v_day and u.client = '*'
    and u.generations >= (limits ->> 'everybody')::integer)
  then
    raise exception 'anonymous_budget_reached' using detail = jsonb_build_object('retry_after_seconds',
      ceil(extract(epoch from v_midnight - now())));
  end if;
  -- This request is one of them.
  perform set_config('app.limit', private.limit_state('anonymous', v_allowed, v_used + 1, 86400, v_midnight)::text, true);
end $$;
comment on function private.check_anonymous(jsonb, text, jsonb) is
  'Checks the limits before any byte is stored. limits is {per_client, everybody}. Errors: anonymous_limit_reached (detail: '
  'private.limit_state), anonymous_budget_reached (detail: seconds until midnight UTC), those of private.authorize.';

create function private.create_anonymous_generation(client text, limits jsonb, generation jsonb) returns jsonb
language plpgsql set search_path = '' as $$
#variable_conflict use_column
declare
  v_day date := (now() at time zone 'utc')::date;
  wait integer := ceil(extract(epoch from ((v_day + 1)::timestamp at time zone 'utc') - now()));
  created public.generations;
begin
  perform set_config('role', 'service_role', true);
  -- Repeats the condition of private.check_anonymous under the row's lock, so that parallel creates stay within the limit.
  insert into private.anonymous_usage as usage (day, client, generations)
  values (v_day, create_anonymous_generation.client, 1)
  on conflict (day, client) do update set generations = usage.generations + 1
    where usage.generations < (limits ->> 'per_client')::integer;
  if not found then
    raise exception 'anonymous_limit_reached' using detail = jsonb_build_object('retry_after_seconds', wait);
  end if;
  insert into private.anonymous_usage as usage (day, client, generations) values (v_day, '*', 1)
  on conflict (day, client) do update set generations = usage.generations + 1
    where usage.generations < (limits ->> 'everybody')::integer;
  if not found then
    raise exception 'anonymous_budget_reached' using detail = jsonb_build_object('retry_after_seconds', wait);
  end if;
  insert into public.generations
    (id, instructions, model, options, example_images, charge, charged_month, next_check_at, expires_at)
  values ((generation ->> 'id')::uuid, generation ->> 'instructions', generation ->> 'model',
    coalesce(nullif(generation -> 'options', 'null'), '{}'), coalesce(nullif(generation -> 'example_images', 'null'), '[]'),
    'reserved', date_trunc('month', v_day)::date, now() + interval '15 seconds',
    now() + make_interval(secs => (limits ->> 'result_seconds')::double precision))
  returning * into created;
  return (select i.item from private.generation_items i where i.id = created.id);
end $$;
comment on function private.create_anonymous_generation(text, jsonb, jsonb) is
  'Counts and inserts a pending generation without an account. limits is {per_client, everybody, result_seconds}. Errors: '
  'anonymous_limit_reached, anonymous_budget_reached (detail: seconds to wait).';

create function private.count_refused_upload(client text) returns void
language plpgsql set search_path = '' as $$
#variable_conflict use_column
begin
  perform set_config('role', 'service_role', true);
  insert into private.anonymous_usage as usage (day, client, refused)
  values ((now() at time zone 'utc')::date, count_refused_upload.client, 1)
  on conflict (day, client) do update set refused = usage.refused + 1;
end $$;
comment on function private.count_refused_upload(text) is
  'Counts an anonymous upload that was refused after it was read. private.check_anonymous uses the count.';

create function private.get_anonymous_generation(credentials jsonb, id uuid) returns jsonb
language plpgsql set search_path = '' as $$
declare
  found jsonb;
begin
  perform private.authorize_and_set_role(credentials, 'public');
  perform set_config('role', 'service_role', true);
  select i.item into found from public.generations g join private.generation_items i on i.id = g.id
  where g.id = get_anonymous_generation.id and g.project_id is null and g.expires_at > now();
  if found is null then
    raise exception 'generation_not_found';
  end if;
  return found;
end $$;
comment on function private.get_anonymous_generation(jsonb, uuid) is
  'Returns an anonymous generation to anybody who knows its id, until it expires. Errors: generation_not_found, those of '
  'private.authorize.';

alter table private.anonymous_usage enable row level security;

grant select, insert, update, delete on private.anonymous_usage to service_role;

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

-- Pictures that a browser uploads to Storage by a signed URL, for a later create. Each is for one generation. An unused one is
-- deleted after three hours; its URL has expired by then.

create table public.uploads (
  id uuid primary key default gen_random_uuid(),
  project_id uuid not null references public.projects (id) on delete cascade,
  user_id uuid not null references public.users (id) on delete cascade,
  generation_id uuid references public.generations (id) on delete cascade,
  path text not null,
  created_at timestamptz not null default now()
);
create index uploads_project_id on public.uploads (project_id);
create index uploads_user_id on public.uploads (user_id, created_at) where generation_id is null;
create index uploads_owner on public.uploads (user_id);
create index uploads_generation_id on public.uploads (generation_id);
create index uploads_unused on public.uploads (created_at) where generation_id is null;

comment on table public.uploads is 'Uploads for which the API issued a signed URL.';
comment on column public.uploads.id is 'Identifies the upload in the API.';
comment on column public.uploads.project_id is 'The project of the upload.';
comment on column public.uploads.user_id is 'The account that may use it.';
comment on column public.uploads.generation_id is 'The generation that uses it; null while it is unused.';
comment on column public.uploads.path is 'Its path in bucket uploads.';
comment on column public.uploads.created_at is 'When its URL was issued.';

create function private.on_upload_deleted() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  insert into private.cleanup_tasks (kind, target, generation_id) values ('uploads', old.path, old.id);
  return null;
end $$;
comment on function private.on_upload_deleted() is
  'Trigger: queues the file of a deleted upload for removal. Definer: the caller may have no rights to cleanup_tasks.';

create function private.create_uploads(credentials jsonb, places integer) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_project uuid;
  v_actor uuid;
  created jsonb;
begin
  perform private.authorize_and_set_role(credentials, 'generation');
  v_project := current_setting('app.project_id')::uuid;
  v_actor := private.actor_id();
  perform set_config('role', 'service_role', true);
  if not private.hold_project(v_project) then
    raise exception 'project_inactive';
  end if;
  -- Creates of one account take turns, so the count is correct.
  perform from public.users account where account.id = v_actor for no key update;
  if (select count(*) from public.uploads u where u.user_id = v_actor and u.generation_id is null) + places > 50 then
    raise exception 'upload_limit_reached' using detail = jsonb_build_object('retry_after_seconds', 3600);
  end if;
  with ids as (
    select gen_random_uuid() as id from generate_series(1, places)
  ), inserted as (
    insert into public.uploads (id, project_id, user_id, path)
    select ids.id, v_project, v_actor, v_project || '/' || ids.id || '/0' from ids
    returning uploads.id, uploads.path
  )
  select jsonb_agg(to_jsonb(inserted)) into created from inserted;
  return created;
end $$;
comment on function private.create_uploads(jsonb, integer) is
  'Creates uploads: [{id, path}]. Errors: upload_limit_reached (detail: seconds), those of private.authorize.';

create function private.require_uploads(credentials jsonb, ids jsonb) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_project uuid;
  v_actor uuid;
  found jsonb;
begin
  perform private.authorize_and_set_role(credentials, 'generation');
  v_project := current_setting('app.project_id')::uuid;
  v_actor := private.actor_id();
  perform set_config('role', 'service_role', true);
  select jsonb_agg(jsonb_build_object('id', u.id, 'path', u.path) order by wanted.position) into found
  from jsonb_array_elements_text(ids) with ordinality as wanted (id, position)
  join public.uploads u on u.id = wanted.id::uuid
  where u.project_id = v_project and u.user_id = v_actor and u.generation_id is null;
  if coalesce(jsonb_array_length(found), 0) <> jsonb_array_length(ids) then
    raise exception 'upload_not_found';
  end if;
  return found;
end $$;
comment on function private.require_uploads(jsonb, jsonb) is
  'The caller''s unused uploads in the requested order: [{id, path}]. Errors: upload_not_found, those of private.authorize.';

create trigger uploads_deleted after delete on public.uploads
  for each row execute function private.on_upload_deleted();

alter table public.uploads enable row level security;

grant select, insert, update, delete on public.uploads to service_role;

-- Tasks that remove files from Storage or cancel predictions at Replicate. Each function is one claim or one bounded delete.
-- Two runs at the same time do no harm.

create table private.cleanup_tasks (
  id bigint generated always as identity primary key,
  kind text not null constraint cleanup_tasks_kind
    check (kind in ('uploads', 'generations', 'prediction', 'submission')),
  target text not null,
  generation_id uuid not null,
  attempts integer not null default 0,
  next_attempt_at timestamptz not null default now() + interval '1 minute',
  created_at timestamptz not null default now()
);
create index cleanup_tasks_due on private.cleanup_tasks (next_attempt_at);
create index cleanup_tasks_generation_id on private.cleanup_tasks (generation_id);

comment on table private.cleanup_tasks is
  'Tasks outside the database after a generation was deleted or canceled. Written in the same transaction, so none is lost.';
comment on column private.cleanup_tasks.id is 'Grows with time.';
comment on column private.cleanup_tasks.kind is
  'The name of a bucket: delete an object. prediction: cancel it at Replicate. submission: search for it there and cancel it.';
comment on column private.cleanup_tasks.target is
  'The path of the object, the id of the prediction, or the time of the submission.';
comment on column private.cleanup_tasks.generation_id is 'The generation of the task. It may no longer exist.';
comment on column private.cleanup_tasks.attempts is 'The number of attempts.';
comment on column private.cleanup_tasks.next_attempt_at is
  'When the reconciler takes the task, unless the request has done it by then.';
comment on column private.cleanup_tasks.created_at is 'When the task was written.';

create function private.claim_cleanup_tasks(generation_id uuid, batch_size integer) returns jsonb
language plpgsql set search_path = '' as $$
declare
  claimed jsonb;
begin
  perform set_config('role', 'service_role', true);
  with due as (
    select t.id from private.cleanup_tasks t
    where case when claim_cleanup_tasks.generation_id is null then t.next_attempt_at <= now()
      else t.generation_id = claim_cleanup_tasks.generation_id end
    order by t.next_attempt_at
    limit batch_size
    for update skip locked
  ), taken as (
    update private.cleanup_tasks t
    set attempts = t.attempts + 1, next_attempt_at = now() + least(interval '1 minute' * 2 ^ least(t.attempts, 10), interval '1 day')
    from due where t.id = due.id
    returning t.id, t.kind, t.target, t.generation_id
  )
  select coalesce(jsonb_agg(to_jsonb(taken)), '[]') into claimed from taken;
  return claimed;
end $$;
comment on function private.claim_cleanup_tasks(uuid, integer) is
  'Claims the tasks of one generation, or all due ones: [{id, kind, target, generation_id}]. They are retried with growing '
  'pauses until private.end_cleanup_tasks.';

create function private.end_cleanup_tasks(ids jsonb) returns void
language plpgsql set search_path = '' as $$
begin
  perform set_config('role', 'service_role', true);
  delete from private.cleanup_tasks t where t.id in (select value::bigint from jsonb_array_elements_text(ids));
end $$;
comment on function private.end_cleanup_tasks(jsonb) is 'Deletes tasks that are done.';

create function private.queue_orphan_files(batch_size integer) returns integer
language plpgsql set search_path = '' as $$
declare
  collected integer;
begin
  perform set_config('role', 'service_role', true);
  with files as (
    select object.bucket_id, object.name,
      case when split_part(object.name, '/', 2) ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
        then split_part(object.name, '/', 2)::uuid end as owner_id
    from storage.objects object
    where object.bucket_id in ('uploads', 'generations') and object.created_at < now() - interval '1 hour'
  )
  insert into private.cleanup_tasks (kind, target, generation_id, next_attempt_at)
  select files.bucket_id, files.name, coalesce(files.owner_id, '00000000-0000-0000-0000-000000000000'), now()
  from files
  where not exists (select from public.generations g where g.id = files.owner_id)
    and not exists (select from public.uploads u where u.id = files.owner_id)
    and not exists (select from private.cleanup_tasks t
      where t.generation_id = files.owner_id and t.kind = files.bucket_id and t.target = files.name)
  limit batch_size;
  get diagnostics collected = row_count;
  return collected;
end $$;
comment on function private.queue_orphan_files(integer) is
  'Makes orphaned files older than an hour into cleanup tasks, and returns how many. A file is orphaned if a process died '
  'before it inserted the row.';

create function private.remove_old(kind text, keep_seconds bigint, batch_size integer) returns integer
language plpgsql set search_path = '' as $$
#variable_conflict use_column
declare
  v_before timestamptz := now() - make_interval(secs => keep_seconds);
  v_day date := (v_before at time zone 'utc')::date;
  removed integer;
begin
  if kind = 'audit_events' then
    return private.remove_old_audit_events((keep_seconds / 86400)::integer, batch_size);
  end if;
  perform set_config('role', 'service_role', true);
  -- Materialized, because a locking subquery may run again for each row and find more rows. The age is checked again, so a
  -- counter that starts a new window in the meantime stays.
  case kind
    when 'rate_limits' then
      with old as materialized (
        select e.bucket from private.rate_limits e where e.resets_at < v_before limit batch_size)
      delete from private.rate_limits t using old where t.bucket = old.bucket and t.resets_at < v_before;
    when 'auth_attempts' then
      with old as materialized (
        select e.bucket from private.auth_attempts e where e.drained_at < v_before limit batch_size for update skip locked)
      delete from private.auth_attempts t using old where t.bucket = old.bucket;
    when 'mail_tokens' then
      with old as materialized (
        select e.digest from private.mail_tokens e where e.expires_at < v_before limit batch_size for update skip locked)
      delete from private.mail_tokens t using old where t.digest = old.digest;
    when 'email_changes' then
      with old as materialized (
        select e.user_id from private.email_changes e where e.expires_at < v_before limit batch_size for update skip locked)
      delete from private.email_changes t using old where t.user_id = old.user_id and t.expires_at < v_before;
    when 'project_transfers' then
      with old as materialized (
        select e.id from public.project_transfers e where e.expires_at < v_before limit batch_size for update skip locked)
      delete from public.project_transfers t using old where t.id = old.id;
    when 'password_permits' then
      with old as materialized (
        select e.user_id from private.password_permits e where e.expires_at < v_before limit batch_size for update skip locked)
      delete from private.password_permits t using old where t.user_id = old.user_id;
    when 'anonymous_generations' then
      with old as materialized (
        select e.id from public.generations e where e.expires_at <= v_before limit batch_size for update skip locked)
      delete from public.generations t using old where t.id = old.id;
    when 'anonymous_usage' then
      with old as materialized (
        select e.day, e.client from private.anonymous_usage e where e.day < v_day limit batch_size for update skip locked)
      delete from private.anonymous_usage t using old where t.day = old.day and t.client = old.client;
    when 'user_usage' then
      with old as materialized (
        select e.user_id, e.day from private.user_usage e where e.day < v_day limit batch_size for update skip locked)
      delete from private.user_usage t using old where t.user_id = old.user_id and t.day = old.day;
    when 'uploads' then
      with old as materialized (
        select e.id from public.uploads e where e.generation_id is null and e.created_at < v_before limit batch_size for update skip locked)
      delete from public.uploads t using old where t.id = old.id;
    when 'idempotency_keys' then
      with old as materialized (
        select e.caller, e.operation, e.key from private.idempotency_keys e where e.created_at < v_before limit batch_size for update skip locked)
      delete from private.idempotency_keys t using old where t.caller = old.caller and t.operation = old.operation and t.key = old.key;
    when 'webhook_deliveries' then
      with old as materialized (
        select e.id from public.generation_events e where e.webhook_id is not null and e.created_at < v_before limit batch_size for update skip locked)
      delete from public.generation_events t using old where t.id = old.id;
    when 'generation_events' then
      with old as materialized (
        select e.id from public.generation_events e where e.webhook_id is null and e.created_at < v_before limit batch_size for update skip locked)
      delete from public.generation_events t using old where t.id = old.id;
    when 'mail' then
      with old as materialized (
        select e.id from private.mail_outbox e where e.created_at < v_before limit batch_size for update skip locked)
      delete from private.mail_outbox t using old where t.id = old.id;
    when 'webhook_log' then
      with old as materialized (
        select e.id from public.webhook_deliveries e where e.occurred_at < v_before limit batch_size for update skip locked)
      delete from public.webhook_deliveries t using old where t.id = old.id;
    when 'key_usage' then
      with old as materialized (
        select e.api_key_id, e.day from public.key_usage e where e.day < v_day limit batch_size for update skip locked)
      delete from public.key_usage t using old where t.api_key_id = old.api_key_id and t.day = old.day;
  end case;
  get diagnostics removed = row_count;
  return removed;
end $$;
comment on function private.remove_old(text, bigint, integer) is
  'Removes at most batch_size rows of a kind that are older than keep_seconds, and returns how many. Two runs at a time do no '
  'harm.';

alter table private.cleanup_tasks enable row level security;

grant select, insert, update, delete on private.cleanup_tasks to service_role;

-- Runs and results of the reconciler's jobs. With pg_cron and pg_net, the database calls the reconciler each minute. Otherwise
-- a scheduler calls POST /api/v1/internal/reconcile. Each run reads the URL and the secret from the vault:
-- select vault.create_secret('https://<ref>.supabase.co/functions/v1/api/v1/internal/reconcile', 'reconcile_url');   select
-- vault.create_secret('<CRON_SECRET>', 'cron_secret');

create table private.job_runs (
  name text primary key,
  ran_at timestamptz not null default now()
);

comment on table private.job_runs is 'The last run of each job that does not run each minute.';
comment on column private.job_runs.name is 'Which job.';
comment on column private.job_runs.ran_at is 'When it was last begun.';

create table private.job_results (
  name text primary key,
  ran_at timestamptz not null default now(),
  checked integer not null,
  failed integer not null,
  failing_since timestamptz
);

comment on table private.job_results is 'The result of the last run of each job.';
comment on column private.job_results.name is 'Which job.';
comment on column private.job_results.ran_at is 'When it ended.';
comment on column private.job_results.checked is 'The number of items that it processed.';
comment on column private.job_results.failed is 'The number of items that failed. A job that throws counts as one.';
comment on column private.job_results.failing_since is
  'The first of the consecutive runs with a failure; null after a run without one.';

create function private.claim_job(name text, every_seconds integer) returns boolean
language plpgsql set search_path = '' as $$
#variable_conflict use_column
begin
  perform set_config('role', 'service_role', true);
  insert into private.job_runs as run (name) values (claim_job.name)
  on conflict (name) do update set ran_at = now()
    where run.ran_at <= now() - make_interval(secs => every_seconds);
  return found;
end $$;
comment on function private.claim_job(text, integer) is 'Returns true to one caller in each period.';

create function private.record_job_results(results jsonb) returns void
language plpgsql set search_path = '' as $$
begin
  perform set_config('role', 'service_role', true);
  insert into private.job_results as result (name, checked, failed, failing_since)
  select r.name, r.checked, r.failed, case when r.failed > 0 then now() end
  from jsonb_to_recordset(results) as r (name text, checked integer, failed integer)
  order by r.name
  on conflict (name) do update set ran_at = now(), checked = excluded.checked, failed = excluded.failed,
    failing_since = case when excluded.failed > 0 then coalesce(result.failing_since, now()) end;
end $$;
comment on function private.record_job_results(jsonb) is
  'Stores the results of a run of the reconciler: [{name, checked, failed}].';

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
  'Calls the reconciler of the API. Null if the URL, the secret or pg_net is missing. Definer: only the owner reads the vault.';

alter table private.job_runs enable row level security;
alter table private.job_results enable row level security;

grant select, insert, update, delete on private.job_runs, private.job_results to service_role;

-- Metrics for operators: requests by result, and waiting work. Each isolate knows only its own requests, so all write their
-- counts here, in batches.

-- Unlogged: after a crash of the server the counts start at zero, which Prometheus handles as a counter reset.
create unlogged table private.request_counts (
  method text not null,
  route text not null,
  status smallint not null,
  requests bigint not null,
  seconds double precision not null,
  buckets bigint[] not null,
  primary key (method, route, status)
);

comment on table private.request_counts is
  'Answered requests since the last crash of the server, by route and status. One row for each kind.';
comment on column private.request_counts.method is 'The HTTP method.';
comment on column private.request_counts.route is
  'The pattern of the route, such as /api/v1/projects/{project_id}; none for an address that does not exist.';
comment on column private.request_counts.status is 'The HTTP status of the answer.';
comment on column private.request_counts.requests is 'How many.';
comment on column private.request_counts.seconds is 'The sum of their durations.';
comment on column private.request_counts.buckets is
  'The number of requests per bucket of duration. The API chooses the bounds, and a request counts in its first bucket.';

create function private.server_version() returns text
language plpgsql stable set search_path = '' as $$
begin
  return current_setting('server_version');
end $$;
comment on function private.server_version() is 'The version of the server, for the health check.';

create function private.record_requests(batch jsonb) returns void
language plpgsql set search_path = '' as $$
begin
  perform set_config('role', 'service_role', true);
  insert into private.request_counts as counts (method, route, status, requests, seconds, buckets)
  select b.method, b.route, b.status, b.requests, b.seconds, b.buckets
  from jsonb_to_recordset(batch) as b (
    method text, route text, status smallint, requests bigint, seconds double precision, buckets bigint[])
  order by b.method, b.route, b.status
  on conflict (method, route, status) do update set
    requests = counts.requests + excluded.requests,
    seconds = counts.seconds + excluded.seconds,
    buckets = array(
      select coalesce(pair.old, 0) + coalesce(pair.new, 0)
      from unnest(counts.buckets, excluded.buckets) with ordinality as pair (old, new, place) order by pair.place);
end $$;
comment on function private.record_requests(jsonb) is
  'Adds the counts of an isolate: [{method, route, status, requests, seconds, buckets}]. Rows are written in a fixed order, so '
  'that isolates do not deadlock.';

create function private.list_request_counts() returns jsonb
language plpgsql set search_path = '' as $$
begin
  perform set_config('role', 'service_role', true);
  return (
    select coalesce(jsonb_agg(to_jsonb(counts) order by counts.route, counts.method, counts.status), '[]')
    from private.request_counts counts);
end $$;
comment on function private.list_request_counts() is
  'All of private.request_counts: [{method, route, status, requests, seconds, buckets}].';

create function private.service_report() returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  v_migrations jsonb := '[]';
begin
  if to_regclass('supabase_migrations.schema_migrations') is not null then
    execute 'select coalesce(jsonb_agg(version order by version), ''[]'') from supabase_migrations.schema_migrations'
      into v_migrations;
  end if;
  return jsonb_build_object(
    'version', current_setting('server_version'),
    'migrations', v_migrations,
    'connections', (
      select jsonb_build_object(
        'max', current_setting('max_connections')::integer,
        'used', count(*),
        'api', count(*) filter (where a.application_name = 'cloud-api'),
        'api_active', count(*) filter (where a.application_name = 'cloud-api' and a.state <> 'idle'))
      from pg_catalog.pg_stat_activity a where a.backend_type = 'client backend'),
    'generations', (
      select jsonb_object_agg(state.status, jsonb_build_object(
        'count', coalesce(open.count, 0), 'overdue', coalesce(open.overdue, 0), 'oldest_seconds', coalesce(open.oldest, 0)))
      from (values ('pending'), ('processing')) as state (status)
      left join (
        select g.status, count(*) as count,
          -- The reconciler runs each minute, so anything overdue for longer is stuck.
          count(*) filter (where g.next_check_at < now() - interval '3 minutes') as overdue,
          round(extract(epoch from now() - min(g.created_at)))::integer as oldest
        from public.generations g where g.status in ('pending', 'processing') group by g.status
      ) as open on open.status = state.status),
    'ended_last_hour', (
      select jsonb_build_object(
        'completed', count(*) filter (where e.kind = 'completed'),
        'failed', count(*) filter (where e.kind = 'failed'),
        'canceled', count(*) filter (where e.kind = 'canceled'))
      from public.generation_events e where e.created_at > now() - interval '1 hour'),
    'mail_outbox', (
      select jsonb_build_object('waiting', count(*), 'failing', count(*) filter (where m.last_error is not null),
        'oldest_seconds', coalesce(round(extract(epoch from now() - min(m.created_at)))::integer, 0))
      from private.mail_outbox m),
    'cleanup', (
      select jsonb_build_object('waiting', count(*), 'oldest_seconds',
        coalesce(round(extract(epoch from now() - min(t.created_at)))::integer, 0))
      from private.cleanup_tasks t),
    'jobs', (
      select coalesce(jsonb_object_agg(j.name, jsonb_build_object('ran_at', j.ran_at, 'checked', j.checked,
        'failed', j.failed, 'failing_since', j.failing_since)), '{}')
      from private.job_results j));
end $$;
comment on function private.service_report() is
  'Metrics for operators: versions, migrations, connections, open generations, waiting mail and cleanup tasks, and the last '
  'run of each job. The API checks the caller first. Definer: only the owner reads the list of migrations.';

alter table private.request_counts enable row level security;

grant select, insert, update, delete on private.request_counts to service_role;

-- The usage of a project's month. Triggers update it in the transaction that changes a generation.

create table public.generation_usage (
  project_id uuid not null references public.projects (id) on delete cascade,
  month date not null,
  generations integer not null default 0 constraint generation_usage_generations_positive check (generations >= 0),
  sent integer not null default 0 constraint generation_usage_sent_positive check (sent >= 0),
  canceled integer not null default 0 constraint generation_usage_canceled_positive check (canceled >= 0),
  primary key (project_id, month)
);

comment on table public.generation_usage is 'Generations reserved or committed, per project and UTC month.';
comment on column public.generation_usage.project_id is 'The project.';
comment on column public.generation_usage.month is 'First day of the UTC month.';
comment on column public.generation_usage.generations is 'How many count against the month.';
comment on column public.generation_usage.sent is 'How many were sent to the provider, whatever their result.';
comment on column public.generation_usage.canceled is 'How many were canceled or deleted after they were sent, and refunded.';

create table private.removed_projects (
  user_id uuid primary key references public.users (id) on delete cascade,
  month date not null,
  projects integer not null constraint removed_projects_projects_positive check (projects > 0)
);

comment on table private.removed_projects is
  'Removed projects of a developer that had sent generations in the month of their removal. They count until the month ends.';
comment on column private.removed_projects.user_id is 'The developer.';
comment on column private.removed_projects.month is 'First day of the UTC month of the last removal.';
comment on column private.removed_projects.projects is
  'Projects that were removed in the month and had sent generations in it.';

create function private.this_month() returns date
language plpgsql stable set search_path = '' as $$
begin
  return date_trunc('month', now() at time zone 'utc')::date;
end $$;
comment on function private.this_month() is 'First day of the UTC month.';

create function private.count_projects(owner uuid) returns bigint
language plpgsql stable set search_path = '' as $$
begin
  return (select count(*) from public.projects p
      where p.owner_id = owner and (p.deleted_at is null or exists (select from public.generation_usage used
        where used.project_id = p.id and used.month = private.this_month() and used.sent > 0)))
    + coalesce((select removed.projects from private.removed_projects removed
      where removed.user_id = owner and removed.month = private.this_month()), 0);
end $$;
comment on function private.count_projects(uuid) is
  'The number of projects that count against the plan: existing ones, and deleted ones that sent a generation this month. '
  'Otherwise each new project would have a new quota.';

create function private.remember_removed_project(id uuid) returns void
language plpgsql set search_path = '' as $$
begin
  insert into private.removed_projects as removed (user_id, month, projects)
  select p.owner_id, used.month, 1
  from public.projects p
  join public.generation_usage used on used.project_id = p.id and used.month = private.this_month() and used.sent > 0
  where p.id = remember_removed_project.id
  on conflict (user_id) do update set month = excluded.month,
    projects = case when removed.month = excluded.month then removed.projects + 1 else 1 end;
end $$;
comment on function private.remember_removed_project(uuid) is
  'Counts a project that sent generations this month, before its row and its usage are deleted.';

create function private.get_generation_usage(credentials jsonb) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_project uuid;
  v_actor uuid;
  v_day date := (now() at time zone 'utc')::date;
  v_month date := date_trunc('month', v_day)::date;
begin
  perform private.authorize_and_set_role(credentials, 'generation');
  v_project := current_setting('app.project_id')::uuid;
  v_actor := private.actor_id();
  perform set_config('role', 'service_role', true);
  return (
    select jsonb_build_object(
      'plan', plan.id, 'month', v_month,
      'used', coalesce(usage.generations, 0),
      'limit', plan.generations_per_month,
      'running', (select count(*) from public.generations g
        where g.project_id = v_project and g.status in ('pending', 'processing')),
      'concurrent_limit', plan.concurrent_generations,
      'sent', coalesce(usage.sent, 0), 'sent_limit', private.sent_limit(plan.generations_per_month),
      'canceled', coalesce(usage.canceled, 0), 'cancel_limit', private.cancel_limit(plan.generations_per_month),
      'resets_at', (v_month + interval '1 month') at time zone 'utc',
      'user', (
        select jsonb_build_object(
          'used_today', coalesce(sum(mine.generations) filter (where mine.day = v_day), 0), 'day_limit', limits -> 'day',
          'used_this_month', coalesce(sum(mine.generations), 0), 'month_limit', limits -> 'month',
          'running', (select count(*) from public.generations g where g.user_id = v_actor and g.status in ('pending', 'processing')),
          'concurrent_limit', limits -> 'concurrent', 'day_resets_at', (v_day + interval '1 day') at time zone 'utc')
        from (select private.user_limits(project, account) as limits from public.users account where account.id = v_actor) as own
        left join private.user_usage mine on mine.user_id = v_actor and mine.day >= v_month
        where limits is not null
        group by limits))
    from public.projects project
    join public.users owner on owner.id = project.owner_id
    left join public.plans plan on plan.id = coalesce(project.plan_id, owner.plan_id)
    left join public.generation_usage usage on usage.project_id = v_project and usage.month = v_month
    where project.id = v_project
  );
end $$;
comment on function private.get_generation_usage(jsonb) is
  'GET /generation/usage: the limits of the project''s plan, the caller''s own limits, and the usage of both. Errors: those of '
  'private.authorize.';

alter table public.generation_usage enable row level security;
alter table private.removed_projects enable row level security;
create policy generation_usage_select_owner on public.generation_usage for select to authenticated
  using (project_id = any ((select private.managed_project_ids())::uuid[]));

grant select on public.generation_usage to authenticated;
grant select, insert, update, delete on public.generation_usage, private.removed_projects to service_role;
grant execute on function
  private.this_month(),
  private.count_projects(uuid),
  private.remember_removed_project(uuid)
to service_role;

-- The buckets of pictures. Both are private and have no policy: only the API's secret key reads and writes them, and browsers
-- get short-lived signed URLs. Paths start with the project id. On a new server, Storage may create its own tables after the
-- migrations. Then ensure_buckets is called again.

create function private.ensure_buckets()
returns boolean
language plpgsql
set search_path = ''
as $$
declare
  v_mime_types constant text := '{image/jpeg,image/png,image/webp}';
  v_complete boolean := true;
  v_setting record;
begin
  if pg_catalog.to_regclass('storage.buckets') is null then
    return false;
  end if;
  insert into storage.buckets (id, name) values ('uploads', 'uploads'), ('generations', 'generations')
  on conflict (id) do nothing;
  for v_setting in
    select wanted.*, attribute.attname is not null as is_there
    from (values
      ('public', 'boolean', 'false', 'false'),
      ('file_size_limit', 'bigint', '10485760', '26214400'),
      ('allowed_mime_types', 'text[]', v_mime_types, v_mime_types)
    ) as wanted (name, type, uploads, generations)
    left join pg_catalog.pg_attribute as attribute
      on attribute.attrelid = 'storage.buckets'::regclass and attribute.attname = wanted.name and not attribute.attisdropped
  loop
    v_complete := v_complete and v_setting.is_there;
    continue when not v_setting.is_there;
    execute format(
      'update storage.buckets set %I = (case id when ''uploads'' then %L else %L end)::%s where id in (''uploads'', ''generations'')',
      v_setting.name, v_setting.uploads, v_setting.generations, v_setting.type);
  end loop;
  return v_complete;
end $$;

comment on function private.ensure_buckets() is
  'Creates the private buckets of pictures with their limits. False if Storage has not created its tables yet; then call it again.';

-- Changes of an account's address. The new address is valid when the token that was mailed to it is used. Supabase Auth signs
-- developers in by their address, so theirs changes at Auth first. The account follows in the same transaction.

create table private.email_changes (
  user_id uuid primary key references public.users (id) on delete cascade,
  email text not null constraint email_changes_email_length check (length(email) between 3 and 320),
  claimed_until timestamptz,
  expires_at timestamptz not null
);
create index email_changes_expires_at on private.email_changes (expires_at);

comment on table private.email_changes is 'New addresses that are not confirmed yet, one per account.';
comment on column private.email_changes.user_id is 'The account that gets the address.';
comment on column private.email_changes.email is 'The new address.';
comment on column private.email_changes.expires_at is 'When the confirmation expires.';
comment on column private.email_changes.claimed_until is
  'Until this time Supabase Auth may change the address. Set during the call.';

create function private.request_email_change(credentials jsonb, email text) returns void
language plpgsql set search_path = '' as $$
declare
  actor uuid := private.authorize_session(credentials);
  account public.users;
  wait integer;
begin
  select u.* into account from public.users u where u.id = actor for update;
  if private.fold_email(request_email_change.email) = account.email_fold then
    raise exception 'email_unchanged';
  end if;
  if exists (select from public.users u
    where u.project_id is not distinct from account.project_id and u.email_fold = private.fold_email(request_email_change.email))
  then
    raise exception 'account_exists';
  end if;
  wait := private.count_mail('email_change', actor::text);
  if wait > 0 then
    raise exception 'mail_limit_exceeded' using detail = jsonb_build_object('retry_after_seconds', wait);
  end if;
  insert into private.email_changes (user_id, email, expires_at)
  values (actor, request_email_change.email, now() + interval '1 day')
  on conflict (user_id) do update set email = excluded.email, expires_at = excluded.expires_at, claimed_until = null;
  insert into private.mail_outbox (user_id, kind, details) values
    (actor, 'email_change', jsonb_build_object('to', request_email_change.email)),
    (actor, 'email_change_asked', jsonb_build_object('to', account.email));
end $$;
comment on function private.request_email_change(jsonb, text) is
  'POST /auth/change-email, after the check of the password: mails both addresses. Errors: email_unchanged, account_exists, '
  'mail_limit_exceeded, those of private.authorize_session.';

create function private.complete_email_change(account public.users, email text) returns void
language plpgsql set search_path = '' as $$
begin
  update public.users u set email = complete_email_change.email, email_verified_at = now() where u.id = account.id;
  perform private.use_mail_tokens(account.id, 'email_change');
  -- Invalidates tokens that were sent to the old address.
  perform private.use_mail_tokens(account.id, 'verification');
  perform private.use_mail_tokens(account.id, 'password_reset');
  delete from private.email_changes change where change.user_id = account.id;
  insert into private.mail_outbox (user_id, kind, details)
  values (account.id, 'email_changed', jsonb_build_object('to', account.email));
end $$;
comment on function private.complete_email_change(public.users, text) is
  'Sets the new address, keeps sessions, and mails the old address. Errors: a unique violation if another account has it.';

create function private.confirm_email_change(account public.users, email text) returns jsonb
language plpgsql set search_path = '' as $$
declare
  new_auth_email text := private.auth_email_at(account, confirm_email_change.email);
begin
  if exists (select from public.users u where u.project_id is not distinct from account.project_id
    and u.email_fold = private.fold_email(confirm_email_change.email) and u.id <> account.id)
  then
    return jsonb_build_object('refusal', 'account_exists');
  end if;
  -- At Auth, end users and people with a non-ASCII address have an opaque address.
  if new_auth_email = private.auth_email(account) then
    begin
      perform private.complete_email_change(account, confirm_email_change.email);
    exception when unique_violation then
      -- Two accounts confirmed the same address at once.
      return jsonb_build_object('refusal', 'account_exists');
    end;
    return jsonb_build_object('email', confirm_email_change.email);
  end if;
  -- Auth signs developers in by their address, so it changes first; its table's trigger does the rest in the same transaction.
  update private.email_changes change set claimed_until = now() + interval '1 minute' where change.user_id = account.id;
  return jsonb_build_object('change', jsonb_build_object('user_id', account.id, 'email', confirm_email_change.email,
    'auth_email', new_auth_email));
end $$;
comment on function private.confirm_email_change(public.users, text) is
  'Confirms the new address by its token: {email}, {refusal}, or the {change} that Auth must make.';

create function private.finish_email_change(account public.users, email text) returns boolean
language plpgsql set search_path = '' as $$
declare
  change private.email_changes;
begin
  select * into change from private.email_changes c
  where c.user_id = account.id and c.claimed_until > now() and private.auth_email_at(account, c.email) = finish_email_change.email;
  if change.user_id is null then
    return false;
  end if;
  perform private.complete_email_change(account, change.email);
  return true;
end $$;
comment on function private.finish_email_change(public.users, text) is
  'Updates the account if the API has announced this address. Returns whether it has.';

create function private.abandon_email_change(user_id uuid) returns void
language plpgsql set search_path = '' as $$
begin
  perform set_config('role', 'service_role', true);
  update private.email_changes change set claimed_until = null where change.user_id = abandon_email_change.user_id;
end $$;
comment on function private.abandon_email_change(uuid) is 'Makes the token valid again after Auth did not change the address.';

alter table private.email_changes enable row level security;

grant select, insert, update, delete on private.email_changes to service_role;
grant execute on function
  private.complete_email_change(public.users, text),
  private.confirm_email_change(public.users, text)
to service_role;

-- Transfers of projects: the owner offers a project to an address. The developer who has verified that address accepts it.

create table public.project_transfers (
  id uuid primary key default gen_random_uuid(),
  project_id uuid not null unique references public.projects (id) on delete cascade,
  owner_id uuid not null references public.users (id) on delete cascade,
  email text not null constraint project_transfers_email_length check (length(email) between 3 and 320),
  email_fold text not null generated always as (private.fold_email(email)) stored,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null
);
create index project_transfers_owner_id on public.project_transfers (owner_id);
create index project_transfers_email on public.project_transfers (email_fold);
create index project_transfers_expires_at on public.project_transfers (expires_at);

comment on table public.project_transfers is
  'Offers of projects, one per project. The developer with the address accepts or declines.';
comment on column public.project_transfers.id is 'Identifies the offer in the audit trail.';
comment on column public.project_transfers.project_id is 'The offered project.';
comment on column public.project_transfers.email is
  'The receiver''s address, which the receiver must have verified. There may be no such developer yet.';
comment on column public.project_transfers.email_fold is 'The lower-case form of the address, for comparisons.';
comment on column public.project_transfers.created_at is 'When it was offered.';
comment on column public.project_transfers.expires_at is 'When the offer expires.';
comment on column public.project_transfers.owner_id is 'The owner who made the offer. The offer of an earlier owner is void.';

create function private.actor_address() returns text
language plpgsql stable security definer set search_path = '' as $$
begin
  return (select u.email_fold from public.users u
    where u.id = private.actor_id() and u.role <> 'end_user' and u.email_verified_at is not null);
end $$;
comment on function private.actor_address() is
  'The verified address of the caller if it is a developer or operator, else null. Definer: users has its own policies.';

create function private.project_transfer_json(transfer public.project_transfers) returns jsonb
language plpgsql stable set search_path = '' as $$
begin
  return (
    select jsonb_build_object('project_id', project.id, 'project_name', project.name, 'email', transfer.email,
      'owner_email', owner.email, 'created_at', transfer.created_at, 'expires_at', transfer.expires_at)
    from public.projects project join public.users owner on owner.id = project.owner_id
    where project.id = transfer.project_id and project.owner_id = transfer.owner_id and project.deleted_at is null
      and transfer.expires_at > now()
  );
end $$;
comment on function private.project_transfer_json(public.project_transfers) is
  'An offer in the form of the API; null if it is void. For service_role, because the receiver cannot read the project or its '
  'owner yet.';

create function private.require_project_transfer(id uuid) returns public.project_transfers
language plpgsql set search_path = '' as $$
declare
  transfer public.project_transfers;
begin
  -- Row-level security shows it to the project's owner and to the receiver.
  select t.* into transfer from public.project_transfers t where t.project_id = require_project_transfer.id;
  perform set_config('role', 'service_role', true);
  if private.project_transfer_json(transfer) is null then
    raise exception 'transfer_not_found';
  end if;
  return transfer;
end $$;
comment on function private.require_project_transfer(uuid) is
  'The open offer of a project if the caller can see it, else transfer_not_found. Continues as service_role.';

create function private.offer_project(credentials jsonb, id uuid, email text) returns jsonb
language plpgsql set search_path = '' as $$
declare
  actor uuid := private.authorize_developer(credentials);
  project public.projects;
  made public.project_transfers;
  wait integer;
begin
  select p.* into project from public.projects p
  where p.id = offer_project.id and p.deleted_at is null
    and (p.owner_id = actor or current_setting('app.user_role') = 'operator') for update;
  if project.id is null then
    raise exception 'project_not_found';
  end if;
  if exists (select from public.users u where u.id = project.owner_id and u.email_fold = private.fold_email(offer_project.email)) then
    raise exception 'transfer_to_owner';
  end if;
  -- An owner can create and delete projects, so offers are counted per owner too.
  wait := private.fill_bucket(private.bucket_name('project_offers', project.owner_id::text), 20, 600);
  if wait = 0 then
    wait := private.count_mail('project_offered', project.id::text);
  end if;
  if wait > 0 then
    raise exception 'mail_limit_exceeded' using detail = jsonb_build_object('retry_after_seconds', wait);
  end if;
  delete from public.project_transfers t where t.project_id = project.id;
  insert into public.project_transfers (project_id, owner_id, email, expires_at)
  values (project.id, project.owner_id, offer_project.email, now() + interval '7 days')
  returning * into made;
  -- No answer reveals whether there is such a developer.
  insert into private.mail_outbox (user_id, kind, details) values (
    (select u.id from public.users u where u.project_id is null and u.email_fold = private.fold_email(offer_project.email)
      and u.deactivated_at is null),
    'project_offered', jsonb_build_object('project_name', project.name,
      'owner_email', (select u.email from public.users u where u.id = project.owner_id)));
  return private.project_transfer_json(made);
end $$;
comment on function private.offer_project(jsonb, uuid, text) is
  'POST /projects/{id}/transfer, after the check of the password. Replaces an earlier offer. Errors: project_not_found, '
  'transfer_to_owner, mail_limit_exceeded, those of private.authorize_developer.';

create function private.list_project_transfers(credentials jsonb) returns jsonb
language plpgsql set search_path = '' as $$
declare
  offered uuid[];
begin
  perform private.authorize_and_set_role(credentials, 'projects');
  offered := array(select t.id from public.project_transfers t where t.email_fold = (select private.actor_address()));
  perform set_config('role', 'service_role', true);
  return (
    select coalesce(jsonb_agg(private.project_transfer_json(t) order by t.created_at desc, t.id desc), '[]')
    from public.project_transfers t
    where t.id = any (offered) and private.project_transfer_json(t) is not null
  );
end $$;
comment on function private.list_project_transfers(jsonb) is
  'GET /projects/transfers: offers to the caller, newest first. Errors: those of private.authorize.';

create function private.get_project_transfer(credentials jsonb, id uuid) returns jsonb
language plpgsql set search_path = '' as $$
declare
  transfer public.project_transfers;
begin
  perform private.authorize_and_set_role(credentials, 'projects');
  transfer := private.require_project_transfer(get_project_transfer.id);
  return private.project_transfer_json(transfer);
end $$;
comment on function private.get_project_transfer(jsonb, uuid) is
  'GET /projects/{id}/transfer. Errors: transfer_not_found, those of private.authorize.';

create function private.end_project_transfer(credentials jsonb, id uuid) returns void
language plpgsql set search_path = '' as $$
declare
  transfer public.project_transfers;
begin
  perform private.authorize_and_set_role(credentials, 'projects');
  transfer := private.require_project_transfer(end_project_transfer.id);
  delete from public.project_transfers t where t.id = transfer.id;
  if not found then
    raise exception 'transfer_not_found';
  end if;
end $$;
comment on function private.end_project_transfer(jsonb, uuid) is
  'DELETE /projects/{id}/transfer: its owner withdraws it, or the receiver declines. Errors: transfer_not_found, those of '
  'private.authorize.';

create function private.accept_project(credentials jsonb, id uuid) returns jsonb
language plpgsql set search_path = '' as $$
declare
  actor uuid := private.authorize_developer(credentials);
  address text := private.actor_address();
  allowed integer;
  transfer public.project_transfers;
  project public.projects;
begin
  -- The same lock as for a create, so that the count below is correct.
  select plan.projects into allowed
  from public.users account left join public.plans plan on plan.id = account.plan_id
  where account.id = actor for update of account;
  select p.* into project from public.projects p where p.id = accept_project.id and p.deleted_at is null for update;
  select t.* into transfer from public.project_transfers t
  where t.project_id = project.id and t.owner_id = project.owner_id and t.expires_at > now() and t.email_fold = address;
  if transfer.id is null then
    raise exception 'transfer_not_found';
  end if;
  if private.count_projects(actor) >= allowed then
    raise exception 'project_limit_reached';
  end if;
  -- The old owner knows these keys and secrets, and got the project's own plan. Webhooks, pages and the logo of mails are on the
  -- old owner's servers. Events contain people's data, and a reset link gives access to an account.
  update public.api_keys k set revoked_at = now() where k.project_id = project.id and k.revoked_at is null;
  update public.webhooks w set is_active = false where w.project_id = project.id and w.is_active;
  update public.projects p set owner_id = actor, plan_id = null, site_url = null, verify_url = null, reset_url = null,
    mail = p.mail || '{"logo_url": null, "footer": null}'
  where p.id = project.id returning p.* into project;
  delete from public.project_transfers t where t.id = transfer.id;
  insert into private.mail_outbox (user_id, kind, details)
  values (transfer.owner_id, 'project_transferred', jsonb_build_object('project_name', project.name));
  return private.project_json(project);
end $$;
comment on function private.accept_project(jsonb, uuid) is
  'POST /projects/{id}/transfer/accept: makes the caller the owner, under the caller''s plan. Revokes the API keys, disables '
  'the webhooks, and clears site_url, verify_url, reset_url, and the logo and footer of mails. Errors: transfer_not_found, '
  'project_limit_reached, those of private.authorize_developer.';

create trigger project_transfers_audit after insert or update or delete on public.project_transfers
  for each row execute function private.record_audit('project_transfer');

alter table public.project_transfers enable row level security;
create policy project_transfers_select_party on public.project_transfers for select to authenticated
  using (project_id = any ((select private.managed_project_ids())::uuid[])
    or (email_fold = (select private.actor_address()) and expires_at > now()));

grant select on public.project_transfers to authenticated;
grant select, insert, update, delete on public.project_transfers to service_role;
grant execute on function
  private.actor_address(),
  private.require_project_transfer(uuid)
to authenticated, service_role;
grant execute on function private.project_transfer_json(public.project_transfers) to service_role;

-- Numbers of projects, end users and keys of a developer. They use the same conditions as the lists, so they agree.

create function private.get_project_stats(credentials jsonb, project_id uuid, search text, active boolean) returns jsonb
language plpgsql set search_path = '' as $$
declare
  pattern text := private.search_pattern(search);
  projects jsonb;
  users jsonb;
  keys jsonb;
begin
  perform private.authorize_and_set_role(credentials, 'projects');
  if get_project_stats.project_id is not null then
    perform private.require_project(project_id);
  end if;
  select jsonb_build_object('total', count(*), 'active', count(*) filter (where p.is_active)) into projects
  from public.projects p
  where p.deleted_at is null and (get_project_stats.project_id is null or p.id = get_project_stats.project_id)
    and (search is null or p.name ilike pattern or p.description ilike pattern)
    and (active is null or p.is_active = active);
  select jsonb_build_object('total', count(*), 'active', count(*) filter (where u.deactivated_at is null)) into users
  from public.users u join public.projects p on p.id = u.project_id and p.deleted_at is null
  where (get_project_stats.project_id is null or u.project_id = get_project_stats.project_id)
    and (search is null or u.email ilike pattern or u.full_name ilike pattern)
    and (active is null or (u.deactivated_at is null) = active);
  select jsonb_build_object('total', count(*), 'active', count(*) filter (where state.is_active)) into keys
  from public.api_keys k join public.projects p on p.id = k.project_id and p.deleted_at is null
  cross join lateral (
    select private.key_state(k.revoked_at, k.grace_ends_at, k.expires_at) = 'active' as is_active
  ) as state
  where (get_project_stats.project_id is null or k.project_id = get_project_stats.project_id)
    and (search is null or k.name ilike pattern or k.key_prefix ilike pattern)
    and (active is null or state.is_active = active);
  return jsonb_build_object('projects', projects, 'users', users, 'api_keys', keys);
end $$;
comment on function private.get_project_stats(jsonb, uuid, text, boolean) is
  'The numbers of projects, end users and API keys, in total and active: of one project, or with null of all that the caller '
  'manages. Errors: project_not_found, those of private.authorize.';

-- Addresses of a developer's server that receive the events of a project. Triggers write each event into the log, in the
-- transaction of the change, so none is lost. The API signs and sends waiting events. Accounts and generations are read at that
-- time, so the log keeps no personal data.

create table public.webhooks (
  id uuid primary key default gen_random_uuid(),
  project_id uuid not null references public.projects (id) on delete cascade,
  url text not null constraint webhooks_url_length check (length(url) <= 2048),
  description text constraint webhooks_description_length check (length(description) <= 255),
  events text[] not null constraint webhooks_events_known check (cardinality(events) > 0 and events <@ array[
    'generation.completed', 'generation.failed', 'generation.canceled',
    'user.created', 'user.verified', 'user.deleted', 'quota.reached']),
  secret text not null,
  previous_secret text,
  previous_secret_ends_at timestamptz,
  is_active boolean not null default true,
  failing_since timestamptz,
  disabled_at timestamptz constraint webhooks_disabled_is_inactive check (disabled_at is null or not is_active),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index webhooks_project_id on public.webhooks (project_id, created_at desc);

comment on table public.webhooks is 'Addresses that receive the events of a project.';
comment on column public.webhooks.id is 'Identifies the webhook in the API.';
comment on column public.webhooks.project_id is 'The project whose events are sent.';
comment on column public.webhooks.url is 'The URL to which events are POSTed.';
comment on column public.webhooks.description is 'Chosen by the developer.';
comment on column public.webhooks.events is 'The kinds of events that are sent.';
comment on column public.webhooks.secret is 'Signs every delivery (whsec_…). Only service_role may read it.';
comment on column public.webhooks.previous_secret is 'Also signs until previous_secret_ends_at. Only service_role may read it.';
comment on column public.webhooks.previous_secret_ends_at is 'Set by a rotation.';
comment on column public.webhooks.is_active is 'If false, new events are not recorded and waiting ones are not sent.';
comment on column public.webhooks.failing_since is 'The first failure since the last success, else null.';
comment on column public.webhooks.disabled_at is
  'When it was disabled because it failed for three days or answered 410, else null.';
comment on column public.webhooks.created_at is 'When it was made.';
comment on column public.webhooks.updated_at is 'When it last changed.';

create function private.webhook_json(webhook jsonb) returns jsonb
language plpgsql stable set search_path = '' as $$
begin
  return webhook - '{project_id,secret,previous_secret,previous_secret_ends_at}'::text[];
end $$;
comment on function private.webhook_json(jsonb) is 'A webhook as the API shows it, without its secrets.';

create function private.require_webhook(project_id uuid, webhook_id uuid) returns void
language plpgsql stable set search_path = '' as $$
begin
  perform private.require_project(project_id);
  if not exists (select from public.webhooks w
    where w.id = require_webhook.webhook_id and w.project_id = require_webhook.project_id)
  then
    raise exception 'webhook_not_found';
  end if;
end $$;
comment on function private.require_webhook(uuid, uuid) is
  'Passes if row-level security shows the caller this webhook of this project. Errors: project_not_found, webhook_not_found.';

create function private.create_webhook(credentials jsonb, project_id uuid, webhook jsonb) returns jsonb
language plpgsql set search_path = '' as $$
declare
  created public.webhooks;
begin
  perform private.authorize_and_set_role(credentials, 'projects');
  perform set_config('role', 'service_role', true);
  -- The lock makes creates in one project take turns, so the count below is correct.
  perform private.hold_managed_project(project_id);
  if (select count(*) from public.webhooks w where w.project_id = create_webhook.project_id) >= 10 then
    raise exception 'webhook_limit_reached';
  end if;
  insert into public.webhooks (project_id, url, description, events, secret)
  values (create_webhook.project_id, webhook ->> 'url', webhook ->> 'description',
    array(select jsonb_array_elements_text(webhook -> 'events')), webhook ->> 'secret')
  returning * into created;
  return private.webhook_json(to_jsonb(created));
end $$;
comment on function private.create_webhook(jsonb, uuid, jsonb) is
  'POST /projects/{id}/webhooks. Errors: project_not_found, webhook_limit_reached, those of private.authorize.';

create function private.list_webhooks(credentials jsonb, project_id uuid) returns jsonb
language plpgsql set search_path = '' as $$
begin
  perform private.authorize_and_set_role(credentials, 'projects');
  perform private.require_project(project_id);
  return (
    select coalesce(jsonb_agg(to_jsonb(shown) order by shown.created_at desc, shown.id desc), '[]')
    from (
      select id, url, description, events, is_active, failing_since, disabled_at, created_at, updated_at
      from public.webhooks w where w.project_id = list_webhooks.project_id
    ) as shown
  );
end $$;
comment on function private.list_webhooks(jsonb, uuid) is
  'GET /projects/{id}/webhooks, newest first. Errors: project_not_found, those of private.authorize.';

create function private.update_webhook(credentials jsonb, project_id uuid, webhook_id uuid, changes jsonb) returns jsonb
language plpgsql set search_path = '' as $$
declare
  changed public.webhooks;
begin
  perform private.authorize_and_set_role(credentials, 'projects');
  perform private.require_webhook(project_id, webhook_id);
  perform set_config('role', 'service_role', true);
  perform private.hold_managed_project(project_id);
  update public.webhooks w
  set url = coalesce(changes ->> 'url', w.url),
    description = case when changes ? 'description' then changes ->> 'description' else w.description end,
    events = case when jsonb_typeof(changes -> 'events') = 'array'
      then array(select jsonb_array_elements_text(changes -> 'events')) else w.events end,
    is_active = coalesce((changes ->> 'is_active')::boolean, w.is_active),
    -- Activating it again starts a new period of three days.
    failing_since = case when (changes ->> 'is_active')::boolean then null else w.failing_since end,
    disabled_at = case when (changes ->> 'is_active')::boolean then null else w.disabled_at end
  where w.id = update_webhook.webhook_id
  returning * into changed;
  return private.webhook_json(to_jsonb(changed));
end $$;
comment on function private.update_webhook(jsonb, uuid, uuid, jsonb) is
  'PATCH /projects/{id}/webhooks/{webhook_id}: fields that are not named stay. Errors: project_not_found, webhook_not_found, '
  'those of private.authorize.';

create function private.rotate_webhook_secret(
  credentials jsonb, project_id uuid, webhook_id uuid, secret text, grace_seconds integer) returns jsonb
language plpgsql set search_path = '' as $$
declare
  changed public.webhooks;
begin
  perform private.authorize_and_set_role(credentials, 'projects');
  perform private.require_webhook(project_id, webhook_id);
  perform set_config('role', 'service_role', true);
  perform private.hold_managed_project(project_id);
  update public.webhooks w
  set secret = rotate_webhook_secret.secret, previous_secret = case when grace_seconds > 0 then w.secret end,
    previous_secret_ends_at = case when grace_seconds > 0 then now() + make_interval(secs => grace_seconds) end
  where w.id = rotate_webhook_secret.webhook_id
  returning * into changed;
  return private.webhook_json(to_jsonb(changed));
end $$;
comment on function private.rotate_webhook_secret(jsonb, uuid, uuid, text, integer) is
  'POST …/webhooks/{webhook_id}/rotate: the old secret also signs deliveries until its grace period ends. Errors: '
  'project_not_found, webhook_not_found, those of private.authorize.';

create function private.delete_webhook(credentials jsonb, project_id uuid, webhook_id uuid) returns void
language plpgsql set search_path = '' as $$
begin
  perform private.authorize_and_set_role(credentials, 'projects');
  perform private.require_webhook(project_id, webhook_id);
  perform set_config('role', 'service_role', true);
  delete from public.webhooks w where w.id = delete_webhook.webhook_id;
end $$;
comment on function private.delete_webhook(jsonb, uuid, uuid) is
  'DELETE …/webhooks/{webhook_id}, with its log and its waiting events. Errors: project_not_found, webhook_not_found, those of '
  'private.authorize.';

create trigger webhooks_touch before update on public.webhooks
  for each row execute function private.touch_updated_at();
create trigger webhooks_audit after insert or update or delete on public.webhooks
  for each row execute function private.record_audit('webhook');

alter table public.webhooks enable row level security;
create policy webhooks_select_owner on public.webhooks for select to authenticated
  using (project_id = any ((select private.managed_project_ids())::uuid[]));

grant select (id, project_id, url, description, events, is_active, failing_since, disabled_at, created_at, updated_at)
  on public.webhooks to authenticated;
grant select, insert, update, delete on public.webhooks to service_role;
grant execute on function private.require_webhook(uuid, uuid) to authenticated, service_role;
grant execute on function private.webhook_json(jsonb) to service_role;

-- Events of a project on their way to its webhooks. A trigger writes each event into the log, in the transaction of the change.
-- The API claims waiting events, sends them and records the result.

create table public.webhook_deliveries (
  id uuid primary key default gen_random_uuid(),
  position bigint generated always as identity,
  webhook_id uuid not null references public.webhooks (id) on delete cascade,
  project_id uuid not null references public.projects (id) on delete cascade,
  event text not null,
  subject_id uuid not null,
  facts jsonb not null default '{}' constraint webhook_deliveries_facts_object check (jsonb_typeof(facts) = 'object'),
  once text,
  status text not null default 'waiting'
    constraint webhook_deliveries_status check (status in ('waiting', 'delivered', 'failed')),
  attempts integer not null default 0,
  next_attempt_at timestamptz not null default now(),
  response_status integer,
  error text constraint webhook_deliveries_error_length check (length(error) <= 500),
  occurred_at timestamptz not null default now(),
  finished_at timestamptz,
  constraint webhook_deliveries_finished_has_time check ((finished_at is null) = (status = 'waiting'))
);
create index webhook_deliveries_log on public.webhook_deliveries (webhook_id, position desc);
create index webhook_deliveries_waiting on public.webhook_deliveries (webhook_id, next_attempt_at) where status = 'waiting';
create index webhook_deliveries_turn on public.webhook_deliveries (webhook_id, subject_id, position) where status = 'waiting';
create unique index webhook_deliveries_once on public.webhook_deliveries (webhook_id, once) where once is not null;
create index webhook_deliveries_project_id on public.webhook_deliveries (project_id);
create index webhook_deliveries_occurred_at on public.webhook_deliveries (occurred_at);

comment on table public.webhook_deliveries is
  'Events for a webhook: the waiting ones, and the log of delivered and failed ones.';
comment on column public.webhook_deliveries.id is 'The header webhook-id: the same at every attempt.';
comment on column public.webhook_deliveries.position is 'Events about one subject are sent in this order.';
comment on column public.webhook_deliveries.webhook_id is 'The receiving webhook.';
comment on column public.webhook_deliveries.project_id is 'The project of the event.';
comment on column public.webhook_deliveries.event is 'The kind of event, such as generation.completed or test.';
comment on column public.webhook_deliveries.subject_id is 'The generation or account of the event, else the project.';
comment on column public.webhook_deliveries.facts is 'Data that cannot be read later, without personal data.';
comment on column public.webhook_deliveries.once is
  'An event with the same text is recorded only once, such as the quota of a month.';
comment on column public.webhook_deliveries.status is 'waiting, then delivered (2xx) or failed (given up).';
comment on column public.webhook_deliveries.attempts is 'Attempts since it was recorded or replayed.';
comment on column public.webhook_deliveries.next_attempt_at is
  'When it may be claimed. A claim moves this time forward, so a killed process loses nothing.';
comment on column public.webhook_deliveries.response_status is 'Status of the last answer, null without one.';
comment on column public.webhook_deliveries.error is 'Why the last attempt failed.';
comment on column public.webhook_deliveries.occurred_at is 'When it happened.';
comment on column public.webhook_deliveries.finished_at is 'When it was delivered or given up.';

create function private.announce_event(project_id uuid, event text, subject_id uuid, facts jsonb, once text) returns void
language plpgsql security definer set search_path = '' as $$
begin
  insert into public.webhook_deliveries (webhook_id, project_id, event, subject_id, facts, once)
  select w.id, w.project_id, announce_event.event, announce_event.subject_id, announce_event.facts, announce_event.once
  from public.webhooks w
  join public.projects p on p.id = w.project_id and p.deleted_at is null
  where w.project_id = announce_event.project_id and w.is_active and announce_event.event = any (w.events)
  on conflict do nothing;
end $$;
comment on function private.announce_event(uuid, text, uuid, jsonb, text) is
  'Records an event for every active webhook of the project that wants it. Definer: the caller may have no rights to these tables.';

create function private.on_generation_ended() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform private.announce_event(new.project_id, 'generation.' || new.status, new.id,
    jsonb_build_object('status', new.status, 'user_id', new.user_id), null);
  return null;
end $$;
comment on function private.on_generation_ended() is
  'Trigger: records the end of a generation. Definer: the caller may not call private.announce_event.';

create function private.on_end_user_changed() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if tg_op = 'INSERT' then
    perform private.announce_event(new.project_id, 'user.created', new.id, '{}', null);
  elsif tg_op = 'DELETE' then
    perform private.announce_event(old.project_id, 'user.deleted', old.id, '{}', null);
  else
    perform private.announce_event(new.project_id, 'user.verified', new.id, '{}', null);
  end if;
  return null;
end $$;
comment on function private.on_end_user_changed() is
  'Trigger: records that an end user was created, verified or deleted. Definer: the caller may not call private.announce_event.';

create function private.on_quota_used() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  allowed integer := (private.project_plan(new.project_id)).generations_per_month;
begin
  if new.generations >= allowed then
    perform private.announce_event(new.project_id, 'quota.reached', new.project_id,
      jsonb_build_object('month', new.month, 'limit', allowed), 'quota ' || new.month);
  end if;
  return null;
end $$;
comment on function private.on_quota_used() is
  'Trigger: records once a month that the last generation of the quota was used. Definer: the caller may not call '
  'private.announce_event.';

create function private.delivery_json(delivery jsonb) returns jsonb
language plpgsql stable set search_path = '' as $$
begin
  return (delivery - '{position,webhook_id,project_id,facts,once}'::text[])
    || jsonb_build_object('next_attempt_at', case when delivery ->> 'status' = 'waiting' then delivery -> 'next_attempt_at' end);
end $$;
comment on function private.delivery_json(jsonb) is 'A delivery as the API shows it.';

create function private.claim_deliveries(batch_size integer) returns jsonb
language plpgsql set search_path = '' as $$
declare
  claimed jsonb;
begin
  perform set_config('role', 'service_role', true);
  with recursive busy as (
    -- Jumps from webhook to webhook by the index, so a long backlog costs no more than a single event.
    (select d.webhook_id from public.webhook_deliveries d where d.status = 'waiting' order by d.webhook_id limit 1)
    union all
    select (select d.webhook_id from public.webhook_deliveries d
      where d.status = 'waiting' and d.webhook_id > busy.webhook_id order by d.webhook_id limit 1)
    from busy where busy.webhook_id is not null
  ), candidates as (
    select due.id, due.turn, due.next_attempt_at, w.failing_since is not null as is_failing
    from busy
    join public.webhooks w on w.id = busy.webhook_id and w.is_active
    join public.projects p on p.id = w.project_id and p.deleted_at is null
    cross join lateral (
      select d.id, d.next_attempt_at, row_number() over (order by d.next_attempt_at) as turn
      from public.webhook_deliveries d
      where d.webhook_id = w.id and d.status = 'waiting' and d.next_attempt_at <= now()
        and not exists (select from public.webhook_deliveries earlier
          where earlier.webhook_id = d.webhook_id and earlier.subject_id = d.subject_id and earlier.status = 'waiting'
            and earlier.position < d.position)
      order by d.next_attempt_at
      limit 5
    ) as due
  ), locked as (
    select d.id from public.webhook_deliveries d
    where d.id in (
        -- Receivers that answer go first, then each receiver's next event before any second one.
        select c.id from candidates c order by c.is_failing, c.turn, c.next_attempt_at limit batch_size)
      and d.status = 'waiting' and d.next_attempt_at <= now()
    for update skip locked
  ), taken as (
    update public.webhook_deliveries d set attempts = d.attempts + 1, next_attempt_at = now() + interval '1 minute'
    from locked where d.id = locked.id
    returning d.*
  )
  select coalesce(jsonb_agg(jsonb_build_object(
    'id', taken.id, 'event', taken.event, 'project_id', taken.project_id, 'subject_id', taken.subject_id, 'facts', taken.facts,
    'attempts', taken.attempts, 'occurred_at', taken.occurred_at, 'url', w.url,
    'secrets', case when w.previous_secret_ends_at > now() then jsonb_build_array(w.secret, w.previous_secret)
      else jsonb_build_array(w.secret) end,
    'generation', g.item,
    'user', case when u.id is not null then private.user_json(u) end) order by taken.position), '[]')
  into claimed
  from taken
  join public.webhooks w on w.id = taken.webhook_id
  left join private.generation_items g on g.id = taken.subject_id and taken.event like 'generation.%'
  left join public.users u on u.id = taken.subject_id and taken.event like 'user.%';
  return claimed;
end $$;
comment on function private.claim_deliveries(integer) is
  'Claims due events, each for one caller for a minute. Events about one subject come one after the other. Returns [{id, '
  'event, project_id, subject_id, facts, attempts, occurred_at, url, secrets, generation, user}]. The last two have their '
  'current state, or null if deleted.';

create function private.finish_delivery(delivery_id uuid, response_status integer) returns void
language plpgsql set search_path = '' as $$
declare
  webhook uuid;
begin
  perform set_config('role', 'service_role', true);
  update public.webhook_deliveries d
  set status = 'delivered', finished_at = now(), response_status = finish_delivery.response_status, error = null
  where d.id = finish_delivery.delivery_id and d.status = 'waiting'
  returning d.webhook_id into webhook;
  update public.webhooks w set failing_since = null where w.id = webhook and w.failing_since is not null;
end $$;
comment on function private.finish_delivery(uuid, integer) is 'Marks an event as delivered after the receiver answered 2xx.';

create function private.fail_delivery(
  delivery_id uuid, response_status integer, error text, wait_seconds integer, is_gone boolean) returns void
language plpgsql set search_path = '' as $$
declare
  webhook uuid;
begin
  perform set_config('role', 'service_role', true);
  update public.webhook_deliveries d
  set status = case when wait_seconds is null then 'failed' else 'waiting' end,
    finished_at = case when wait_seconds is null then now() end,
    next_attempt_at = now() + make_interval(secs => coalesce(wait_seconds, 0)),
    response_status = fail_delivery.response_status, error = left(fail_delivery.error, 500)
  where d.id = fail_delivery.delivery_id and d.status = 'waiting'
  returning d.webhook_id into webhook;
  update public.webhooks w
  set failing_since = coalesce(w.failing_since, now()),
    is_active = w.is_active and not must_end.now,
    disabled_at = case when w.is_active and must_end.now then now() else w.disabled_at end
  from (select is_gone or exists (select from public.webhooks failing
    where failing.id = webhook and failing.failing_since < now() - interval '3 days') as now) as must_end
  where w.id = webhook;
end $$;
comment on function private.fail_delivery(uuid, integer, text, integer, boolean) is
  'Records a failed delivery: it is due again after the wait, or has failed if wait is null. A receiver that answers 410, or '
  'fails for three days, is disabled.';

create trigger generations_announce after update on public.generations
  for each row when (new.project_id is not null and new.status is distinct from old.status
    and new.status in ('completed', 'failed', 'canceled'))
  execute function private.on_generation_ended();
create trigger users_announce after insert or delete on public.users
  for each row execute function private.on_end_user_changed();
create trigger users_announce_verified after update on public.users
  for each row when (old.email_verified_at is null and new.email_verified_at is not null)
  execute function private.on_end_user_changed();
create trigger generation_usage_announce after insert or update on public.generation_usage
  for each row execute function private.on_quota_used();

alter table public.webhook_deliveries enable row level security;
create policy webhook_deliveries_select_owner on public.webhook_deliveries for select to authenticated
  using (project_id = any ((select private.managed_project_ids())::uuid[]));

grant select on public.webhook_deliveries to authenticated;
grant select, insert, update, delete on public.webhook_deliveries to service_role;
grant execute on function private.delivery_json(jsonb) to authenticated, service_role;

-- Password resets with the token of a mail. No answer reveals whether the account exists.

create function private.request_password_reset(credentials jsonb, email text, ip text) returns void
language plpgsql set search_path = '' as $$
declare
  v_project uuid := (credentials ->> 'project_id')::uuid;
  wanted uuid;
begin
  perform private.authorize_and_set_role(credentials, 'public');
  perform set_config('role', 'service_role', true);
  perform private.count_by_address('mail', request_password_reset.ip);
  select u.id into wanted from public.users u left join public.projects p on p.id = u.project_id
  where u.project_id is not distinct from v_project and u.email_fold = private.fold_email(request_password_reset.email)
    and u.deactivated_at is null and (p.id is null or p.is_active);
  perform private.request_mail(wanted, 'password_reset',
    coalesce(v_project::text, '') || ':' || private.fold_email(request_password_reset.email));
end $$;
comment on function private.request_password_reset(jsonb, text, text) is
  'Requests a reset mail. The answer does not reveal whether the account exists. Errors: attempts_exceeded, those of '
  'private.authorize.';

create function private.begin_password_reset(digest text, ip text) returns jsonb
language plpgsql set search_path = '' as $$
declare
  token private.mail_tokens;
  account public.users;
  state text;
begin
  perform set_config('role', 'service_role', true);
  perform private.count_by_address('secret', begin_password_reset.ip);
  account := private.lock_token_owner(begin_password_reset.digest);
  select t.* into token from private.mail_tokens t where t.digest = decode(begin_password_reset.digest, 'hex');
  state := private.token_state(token, account);
  if state = 'unknown' or token.purpose <> 'password_reset' then
    return jsonb_build_object('refusal', 'reset_token_invalid');
  end if;
  perform private.uncount_secret(begin_password_reset.ip);
  if state <> 'valid' then
    return jsonb_build_object('refusal', case state when 'used' then 'reset_token_used' else 'reset_token_invalid' end);
  end if;
  perform private.permit_password(account.id, null, token.digest);
  return jsonb_build_object('user_id', account.id);
end $$;
comment on function private.begin_password_reset(text, text) is
  'POST /auth/reset-password: {user_id} and a permit for one change of its password, or {refusal}. Errors: attempts_exceeded, '
  'password_change_running.';

create function private.abandon_password_reset(digest text) returns void
language plpgsql set search_path = '' as $$
begin
  perform set_config('role', 'service_role', true);
  delete from private.password_permits p where p.token_digest = decode(abandon_password_reset.digest, 'hex')
    and p.expires_at > now();
end $$;
comment on function private.abandon_password_reset(text) is
  'After Auth did not set the password: deletes the permit, and makes the token valid again.';

-- The log of deliveries for developers, and the replay of a delivery.

create function private.send_test_event(credentials jsonb, project_id uuid, webhook_id uuid) returns jsonb
language plpgsql set search_path = '' as $$
declare
  recorded public.webhook_deliveries;
begin
  perform private.authorize_and_set_role(credentials, 'projects');
  perform private.require_webhook(project_id, webhook_id);
  perform set_config('role', 'service_role', true);
  if not (select w.is_active from public.webhooks w where w.id = send_test_event.webhook_id) then
    raise exception 'webhook_inactive';
  end if;
  insert into public.webhook_deliveries (webhook_id, project_id, event, subject_id)
  values (send_test_event.webhook_id, send_test_event.project_id, 'test', gen_random_uuid())
  returning * into recorded;
  return private.delivery_json(to_jsonb(recorded));
end $$;
comment on function private.send_test_event(jsonb, uuid, uuid) is
  'POST …/webhooks/{webhook_id}/test. Errors: project_not_found, webhook_not_found, webhook_inactive, those of private.authorize.';

create function private.list_deliveries(
  credentials jsonb, project_id uuid, webhook_id uuid, status text, page integer, page_size integer) returns jsonb
language plpgsql set search_path = '' as $$
declare
  total bigint;
  items jsonb;
begin
  perform private.authorize_and_set_role(credentials, 'projects');
  perform private.require_webhook(project_id, webhook_id);
  select count(*) into total from public.webhook_deliveries d
  where d.webhook_id = list_deliveries.webhook_id
    and (list_deliveries.status is null or d.status = list_deliveries.status);
  select coalesce(jsonb_agg(private.delivery_json(to_jsonb(on_page)) order by on_page.position desc), '[]') into items
  from (
    select d.* from public.webhook_deliveries d
    where d.webhook_id = list_deliveries.webhook_id
      and (list_deliveries.status is null or d.status = list_deliveries.status)
    order by d.position desc
    limit page_size offset (page - 1)::bigint * page_size
  ) as on_page;
  return jsonb_build_object('deliveries', items, 'total', total, 'page', page, 'page_size', page_size);
end $$;
comment on function private.list_deliveries(jsonb, uuid, uuid, text, integer, integer) is
  'GET …/webhooks/{webhook_id}/deliveries, newest first. Errors: project_not_found, webhook_not_found, those of private.authorize.';

create function private.replay_delivery(credentials jsonb, project_id uuid, webhook_id uuid, delivery_id uuid) returns jsonb
language plpgsql set search_path = '' as $$
declare
  replayed public.webhook_deliveries;
begin
  perform private.authorize_and_set_role(credentials, 'projects');
  perform private.require_webhook(project_id, webhook_id);
  perform set_config('role', 'service_role', true);
  if not (select w.is_active from public.webhooks w where w.id = replay_delivery.webhook_id) then
    raise exception 'webhook_inactive';
  end if;
  update public.webhook_deliveries d
  set status = 'waiting', attempts = 0, next_attempt_at = now(), finished_at = null
  where d.id = replay_delivery.delivery_id and d.webhook_id = replay_delivery.webhook_id
  returning * into replayed;
  if replayed.id is null then
    raise exception 'delivery_not_found';
  end if;
  return private.delivery_json(to_jsonb(replayed));
end $$;
comment on function private.replay_delivery(jsonb, uuid, uuid, uuid) is
  'POST …/deliveries/{delivery_id}/replay: sends the event again with the same id and new attempts. Errors: project_not_found, '
  'webhook_not_found, delivery_not_found, webhook_inactive, those of private.authorize.';

-- Views that answer frequent questions in Studio. Schema `reports` is not exposed through PostgREST, and every view runs with
-- the rights of its reader. No view has the name of a table, because the embedded REST tells them apart by name.

create schema reports;
comment on schema reports is 'Views for people in Studio. Never exposed through PostgREST.';
revoke all on schema reports from public;
grant usage on schema reports to service_role;

create view reports.projects_overview with (security_invoker = true) as
select
  project.id, project.name, owner.email as owner_email, coalesce(project.plan_id, owner.plan_id) as plan_id,
  case
    when project.purge_started_at is not null then 'being removed'
    when project.deleted_at is not null then 'deleted'
    when not project.is_active then 'inactive'
    when owner.deactivated_at is not null then 'owner deactivated'
    else 'active'
  end as state,
  (select count(*) from public.users u where u.project_id = project.id) as users,
  (select count(*) from public.api_keys k where k.project_id = project.id
    and k.revoked_at is null and (k.grace_ends_at is null or k.grace_ends_at > now())
    and (k.expires_at is null or k.expires_at > now())) as active_api_keys,
  coalesce(usage.generations, 0) as generations_this_month, plan.generations_per_month,
  (select max(g.created_at) from public.generations g where g.project_id = project.id) as last_generation_at,
  project.created_at, project.deleted_at, project.purge_at
from public.projects project
join public.users owner on owner.id = project.owner_id
left join public.plans plan on plan.id = coalesce(project.plan_id, owner.plan_id)
left join public.generation_usage usage on usage.project_id = project.id
  and usage.month = date_trunc('month', now() at time zone 'utc')::date;
comment on view reports.projects_overview is 'Every project with its owner, plan, state, people, keys and this month''s generations.';
comment on column reports.projects_overview.id is 'The project.';
comment on column reports.projects_overview.name is 'Its name.';
comment on column reports.projects_overview.owner_email is 'Address of its developer.';
comment on column reports.projects_overview.plan_id is 'Its plan, or else the owner''s.';
comment on column reports.projects_overview.state is 'active, inactive, owner deactivated, deleted or being removed.';
comment on column reports.projects_overview.users is 'End users, closed accounts too.';
comment on column reports.projects_overview.active_api_keys is 'Active keys.';
comment on column reports.projects_overview.generations_this_month is 'Charged generations of this UTC month.';
comment on column reports.projects_overview.generations_per_month is 'What the plan allows; null is unlimited.';
comment on column reports.projects_overview.last_generation_at is 'When a picture was last requested.';
comment on column reports.projects_overview.created_at is 'When it was made.';
comment on column reports.projects_overview.deleted_at is 'When its owner deleted it.';
comment on column reports.projects_overview.purge_at is 'When its contents are removed permanently.';

create view reports.developers with (security_invoker = true) as
select
  account.id, account.email, account.full_name, account.plan_id, account.email_verified_at, account.deactivated_at,
  (select count(*) from public.projects p where p.owner_id = account.id and p.deleted_at is null) as projects,
  plan.projects as projects_allowed,
  (select count(*) from public.users u join public.projects p on p.id = u.project_id where p.owner_id = account.id) as users,
  account.created_at
from public.users account
left join public.plans plan on plan.id = account.plan_id
where account.role = 'developer';
comment on view reports.developers is 'Every developer with plan, projects and end users.';
comment on column reports.developers.id is 'The account.';
comment on column reports.developers.email is 'Address.';
comment on column reports.developers.full_name is 'Name.';
comment on column reports.developers.plan_id is 'Plan.';
comment on column reports.developers.email_verified_at is 'When the address was proved.';
comment on column reports.developers.deactivated_at is 'When the account was closed.';
comment on column reports.developers.projects is 'Projects, without deleted ones.';
comment on column reports.developers.projects_allowed is 'What the plan allows; null is unlimited.';
comment on column reports.developers.users is 'End users of all projects.';
comment on column reports.developers.created_at is 'When the account was registered.';

create view reports.generations_per_day with (security_invoker = true) as
select
  (g.created_at at time zone 'utc')::date as day, g.project_id, project.name as project_name, count(*) as total,
  count(*) filter (where g.status = 'completed') as completed,
  count(*) filter (where g.status = 'failed') as failed,
  count(*) filter (where g.status = 'canceled') as canceled,
  count(*) filter (where g.status in ('pending', 'processing')) as running,
  percentile_cont(0.5) within group (order by extract(epoch from g.completed_at - g.created_at))
    filter (where g.status = 'completed') as median_seconds,
  sum(g.predict_seconds) as predict_seconds
from public.generations g
left join public.projects project on project.id = g.project_id
group by 1, 2, 3;
comment on view reports.generations_per_day is
  'Generations per UTC day and project: their number, results, durations and seconds at Replicate.';
comment on column reports.generations_per_day.day is 'UTC day of the requests.';
comment on column reports.generations_per_day.project_id is 'The project; null for anonymous ones.';
comment on column reports.generations_per_day.project_name is 'Its name.';
comment on column reports.generations_per_day.total is 'All of them.';
comment on column reports.generations_per_day.completed is 'With a picture.';
comment on column reports.generations_per_day.failed is 'Without one; not charged.';
comment on column reports.generations_per_day.canceled is 'Ended by somebody; not charged.';
comment on column reports.generations_per_day.running is 'Pending or processing.';
comment on column reports.generations_per_day.median_seconds is
  'From the request to the stored picture, for completed generations.';
comment on column reports.generations_per_day.predict_seconds is 'Replicate''s computing time, which Replicate bills.';

create view reports.failures_per_day with (security_invoker = true) as
select (g.completed_at at time zone 'utc')::date as day, g.error_code, count(*) as generations,
  count(distinct g.project_id) as projects, max(g.error) as error
from public.generations g
where g.status = 'failed'
group by 1, 2;
comment on view reports.failures_per_day is 'Why generations fail, per UTC day.';
comment on column reports.failures_per_day.day is 'UTC day.';
comment on column reports.failures_per_day.error_code is 'The reason as a code.';
comment on column reports.failures_per_day.generations is 'How many.';
comment on column reports.failures_per_day.projects is 'The number of projects.';
comment on column reports.failures_per_day.error is 'The reason as a sentence.';

create view reports.keys with (security_invoker = true) as
select 'api_key' as kind, k.id, k.name, k.key_prefix, project.name as belongs_to, k.last_used_at, k.expires_at,
  k.grace_ends_at, k.revoked_at, k.created_at
from public.api_keys k join public.projects project on project.id = k.project_id
union all
select 'developer_key', k.id, k.name, k.key_prefix, account.email, k.last_used_at, k.expires_at, k.grace_ends_at,
  k.revoked_at, k.created_at
from public.developer_keys k join public.users account on account.id = k.user_id
union all
select 'operator_key', k.id, k.name, k.key_prefix, account.email, k.last_used_at, k.expires_at, null, k.revoked_at, k.created_at
from public.operator_keys k join public.users account on account.id = k.user_id;
comment on view reports.keys is 'Every key of every kind with its owner and last use, without secrets.';
comment on column reports.keys.kind is 'api_key, developer_key or operator_key.';
comment on column reports.keys.id is 'The key.';
comment on column reports.keys.name is 'Its name.';
comment on column reports.keys.key_prefix is 'Its first eight characters.';
comment on column reports.keys.belongs_to is 'Name of the project, or address of the account.';
comment on column reports.keys.last_used_at is 'Time of the last request with the key.';
comment on column reports.keys.expires_at is 'When it stops working; null means never.';
comment on column reports.keys.grace_ends_at is 'When a rotated key stops working.';
comment on column reports.keys.revoked_at is 'When it was revoked.';
comment on column reports.keys.created_at is 'When it was made.';

create view reports.recent_changes with (security_invoker = true) as
select event.occurred_at, event.actor_role, actor.email as actor_email, event.action, event.resource, event.resource_id,
  project.name as project_name, event.changes, event.ip, event.request_id
from public.audit_events event
left join public.users actor on actor.id = event.actor_id
left join public.projects project on project.id = event.project_id
order by event.id desc;
comment on view reports.recent_changes is 'The audit trail with names, newest first.';
comment on column reports.recent_changes.occurred_at is 'When.';
comment on column reports.recent_changes.actor_role is 'Role of the account that made the change.';
comment on column reports.recent_changes.actor_email is 'Address of the account that made the change, if any.';
comment on column reports.recent_changes.action is 'create, update or delete.';
comment on column reports.recent_changes.resource is 'The kind of the changed row.';
comment on column reports.recent_changes.resource_id is 'The id of the changed row.';
comment on column reports.recent_changes.project_name is 'The project of the changed row.';
comment on column reports.recent_changes.changes is 'Old and new values; personal ones are left out.';
comment on column reports.recent_changes.ip is 'Address of the caller.';
comment on column reports.recent_changes.request_id is 'X-Request-Id of the request.';

grant select on all tables in schema reports to service_role;

-- Limits per end user: those of the project, those that its developer granted to one user, and the usage.

create table private.user_usage (
  user_id uuid not null references public.users (id) on delete cascade,
  day date not null,
  generations integer not null default 0 constraint user_usage_generations_positive check (generations >= 0),
  canceled integer not null default 0 constraint user_usage_canceled_positive check (canceled >= 0),
  sent integer not null default 0 constraint user_usage_sent_positive check (sent >= 0),
  primary key (user_id, day)
);
create index user_usage_day on private.user_usage (day);

comment on table private.user_usage is 'Generations reserved or committed, per end user and UTC day.';
comment on column private.user_usage.user_id is 'The end user.';
comment on column private.user_usage.day is 'The UTC day.';
comment on column private.user_usage.generations is 'How many count against the day and its month.';
comment on column private.user_usage.canceled is 'How many were canceled or deleted after they were sent, and refunded.';
comment on column private.user_usage.sent is 'How many were sent to the provider, whatever their result.';

create function private.user_limits(project public.projects, account public.users) returns jsonb
language plpgsql stable set search_path = '' as $$
begin
  return case when account.role = 'end_user' then jsonb_build_object(
    'day', coalesce(account.generations_per_day, project.user_generations_per_day),
    'month', coalesce(account.generations_per_month, project.user_generations_per_month),
    'concurrent', coalesce(account.concurrent_generations, project.user_concurrent)) end;
end $$;
comment on function private.user_limits(public.projects, public.users) is
  '{day, month, concurrent} of an end user: the granted number, else the project''s. Null in it means no limit. Null for other '
  'roles.';

create function private.take_user_quota(user_id uuid, limits jsonb) returns void
language plpgsql set search_path = '' as $$
declare
  v_now timestamp := now() at time zone 'utc';
  v_day date := v_now::date;
  v_month date := date_trunc('month', v_now)::date;
  v_until timestamp;
begin
  -- Creates of one project already take turns, so the sums below are correct.
  insert into private.user_usage as usage (user_id, day, generations) values (take_user_quota.user_id, v_day, 1)
  on conflict on constraint user_usage_pkey do update set generations = usage.generations + 1
    where coalesce(usage.generations < (limits ->> 'day')::integer, true);
  if not found then
    raise exception 'user_day_limit_reached' using
      detail = jsonb_build_object('retry_after_seconds', ceil(extract(epoch from (v_day + 1) - v_now)));
  end if;
  if (select sum(u.generations) from private.user_usage u where u.user_id = take_user_quota.user_id and u.day >= v_month)
    > (limits ->> 'month')::integer
  then
    raise exception 'user_month_limit_reached' using
      detail = jsonb_build_object('retry_after_seconds', ceil(extract(epoch from (v_month + interval '1 month') - v_now)));
  end if;
  -- Failed requests cost money too, and a project without a quota has no other bound.
  select case when sum(u.sent) >= private.sent_limit((limits ->> 'month')::integer) then v_month + interval '1 month'
    when sum(u.sent) filter (where u.day = v_day) >= private.sent_limit((limits ->> 'day')::integer) then v_day + interval '1 day' end
  into v_until
  from private.user_usage u where u.user_id = take_user_quota.user_id and u.day >= v_month;
  if v_until is not null then
    raise exception 'user_sent_limit_reached' using
      detail = jsonb_build_object('retry_after_seconds', ceil(extract(epoch from v_until - v_now)));
  end if;
  if (select count(*) from public.generations g
      where g.user_id = take_user_quota.user_id and g.status in ('pending', 'processing')) >= (limits ->> 'concurrent')::integer
  then
    raise exception 'user_concurrency_limit_reached' using detail = jsonb_build_object('retry_after_seconds', 5);
  end if;
end $$;
comment on function private.take_user_quota(uuid, jsonb) is
  'Counts a generation of an end user within private.user_limits. Errors: user_day_limit_reached, user_month_limit_reached, '
  'user_sent_limit_reached, user_concurrency_limit_reached (detail: seconds to wait).';

create function private.return_user_quota(generation public.generations, was_canceled boolean) returns void
language plpgsql set search_path = '' as $$
begin
  -- A sent request costs money, and a project without a quota has no other limit.
  update private.user_usage usage
  set generations = usage.generations - 1, canceled = usage.canceled + case when was_canceled then 1 else 0 end
  where usage.user_id = generation.user_id and usage.day = (generation.created_at at time zone 'utc')::date
    and (not was_canceled or usage.canceled < private.cancel_limit(usage.generations));
end $$;
comment on function private.return_user_quota(public.generations, boolean) is
  'Refunds a generation to the day of its end user. Of those canceled after sending, only as many are refunded as '
  'private.cancel_limit allows for the day; the others stay counted.';

alter table private.user_usage enable row level security;

grant select, insert, update, delete on private.user_usage to service_role;
grant execute on function
  private.take_user_quota(uuid, jsonb),
  private.user_limits(public.projects, public.users)
to service_role;

-- The plan of one project, which an operator sets. Without it, the plan of the project's owner applies.

create function private.project_plan(project_id uuid) returns public.plans
language plpgsql stable set search_path = '' as $$
begin
  return (
    select plan from public.projects project
    join public.users owner on owner.id = project.owner_id
    join public.plans plan on plan.id = coalesce(project.plan_id, owner.plan_id)
    where project.id = project_plan.project_id);
end $$;
comment on function private.project_plan(uuid) is 'The plan of a project: its own, else its owner''s. Nulls when there is none.';

create function private.set_project_plan(credentials jsonb, id uuid, plan_id text) returns jsonb
language plpgsql set search_path = '' as $$
declare
  changed public.projects;
begin
  perform private.authorize_and_set_role(credentials, 'projects');
  if current_setting('app.user_role') is distinct from 'operator' then
    raise exception 'operators_only';
  end if;
  perform private.require_project(id);
  if set_project_plan.plan_id is not null
    and not exists (select from public.plans plan where plan.id = set_project_plan.plan_id)
  then
    raise exception 'plan_not_found';
  end if;
  update public.projects p set plan_id = set_project_plan.plan_id where p.id = set_project_plan.id
  returning * into changed;
  return private.project_json(changed);
end $$;
comment on function private.set_project_plan(jsonb, uuid, text) is
  'PATCH /projects/{id}/plan, for operators; null follows the owner''s plan again. Errors: operators_only, project_not_found, '
  'plan_not_found, those of private.authorize.';

grant execute on function private.project_plan(uuid) to service_role;

-- Views for the most frequent reads: an account, a generation, a user's own list. The API reads them with one plain statement
-- (supabase/functions/api/clients/hot-reads.ts), which Postgres plans once per connection. A function costs more, because its
-- expressions are prepared again in every transaction. The `live_…` views have a row only for valid credentials; without a row
-- the API calls the complete function, which gives the reason. The `own_…` views belong to api_reader, so policies apply: they
-- show only rows of the caller that the statement has stored for the transaction.

do $$
begin
  -- A role may exist already, because it belongs to the whole server.
  if not exists (select from pg_catalog.pg_roles where rolname = 'api_reader') then
    create role api_reader nologin noinherit;
  end if;
  -- The creator of a role is not a member of it, and only members may change the owner of a view to it.
  execute format('grant api_reader to %I', current_user);
end $$;

create view private.live_end_users with (security_invoker = true) as
select s.id as session_id, u.id as user_id, p.id as project_id, p.owner_id, p.allowed_origins, plan.requests_per_day,
  plan.reads_per_minute
from auth.sessions s
join public.users u on u.id = s.user_id and u.role = 'end_user' and u.deactivated_at is null
join public.projects p on p.id = u.project_id and p.is_active and p.deleted_at is null
  and (p.email_verification = 'optional' or u.email_verified_at is not null)
join public.users owner on owner.id = p.owner_id and owner.deactivated_at is null
left join public.plans plan on plan.id = coalesce(p.plan_id, owner.plan_id)
where s.not_after > now();
comment on view private.live_end_users is
  'Valid sessions of end users whose account, project and project''s owner are active, with the plan. For hot reads.';

create view private.live_developer_keys with (security_invoker = true) as
select k.key_hash, k.user_id as owner_id, k.management from public.developer_keys k
where k.revoked_at is null and (k.grace_ends_at is null or k.grace_ends_at > now()) and (k.expires_at is null or k.expires_at > now());
comment on view private.live_developer_keys is 'Active developer keys. For hot reads.';

create view private.live_api_keys with (security_invoker = true) as
select k.key_hash, k.project_id from public.api_keys k
where k.revoked_at is null and (k.grace_ends_at is null or k.grace_ends_at > now()) and (k.expires_at is null or k.expires_at > now());
comment on view private.live_api_keys is 'Active API keys. For hot reads.';

create policy users_select_reader on public.users for select to api_reader
  using (id = nullif((select current_setting('app.user_id', true)), '')::uuid);
create policy generations_select_reader on public.generations for select to api_reader
  using (user_id = nullif((select current_setting('app.user_id', true)), '')::uuid
    and project_id = nullif((select current_setting('app.project_id', true)), '')::uuid);
grant select (id, email, full_name, role, deactivated_at, email_verified_at, created_at, project_id) on public.users to api_reader;
grant select (id, project_id, user_id, status, instructions, model, example_images, outputs, is_public, link_version, error,
  error_code, charge, created_at, updated_at, completed_at) on public.generations to api_reader;

create view private.own_accounts as
select u.id, (select row_to_json(item)::text from (select u.id, u.email, u.full_name, u.role, u.deactivated_at is null as is_active,
    u.email_verified_at is not null as is_verified,
    to_char(u.created_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as created_at, u.project_id) as item) as item
from public.users u;
comment on view private.own_accounts is
  'The account that is stored for the transaction. item is an end user in the form of the API.';

create view private.own_generations as
select g.id, g.project_id, g.user_id, g.created_at,
  (select row_to_json(item) from (select g.id, g.status, g.instructions, g.model, g.example_images, g.outputs, g.is_public,
    g.link_version, g.error, g.error_code, g.charge <> 'refunded' as charged, g.created_at, g.updated_at, g.completed_at) as item) as item
from public.generations g;
comment on view private.own_generations is
  'Generations of the account and project that are stored for the transaction. item is as in private.generation_items.';

-- The new owner of a view must have the right to create in its schema.
grant create on schema private to api_reader;
alter view private.own_accounts owner to api_reader;
alter view private.own_generations owner to api_reader;
revoke create on schema private from api_reader;

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
