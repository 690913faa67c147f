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
