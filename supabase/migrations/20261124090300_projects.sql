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
  deleted_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

alter table public.users add constraint users_project_id_fkey
  foreign key (project_id) references public.projects (id) on delete cascade;

create index projects_owner on public.projects (owner_id, created_at desc, id desc);
create index projects_plan_id on public.projects (plan_id);

comment on table public.projects is 'Tenants. Each belongs to one developer.';
comment on column public.projects.owner_id is 'The developer (or operator) who manages the project.';
comment on column public.projects.plan_id is 'Overrides the owner''s plan; null follows it.';
comment on column public.projects.is_active is 'Off: its keys and end users are refused; its owner still manages it.';
comment on column public.projects.email_verification is 'Whether an end user must verify the address before the first login.';
comment on column public.projects.allowed_origins is 'Browser origins that may call the API in this project''s name; * is any.';
comment on column public.projects.site_url is 'Where links in mail lead; null is the built-in page.';
comment on column public.projects.deleted_at is 'When its owner deleted it; it is invisible from then on.';
comment on column public.projects.id is 'What clients send as X-Project-ID; not a secret.';
comment on column public.projects.name is 'For its owner to recognise it by.';
comment on column public.projects.description is 'Free text of its owner.';
comment on column public.projects.created_at is 'When the project was created.';
comment on column public.projects.updated_at is 'When the project last changed.';

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
  'The account of a bare PostgREST request, or null: a token dies with its session, its account and its project. Definer: '
  'the caller cannot read those tables.';
grant execute on function private.session_actor_id() to authenticated, service_role;

create function private.actor_id() returns uuid
language plpgsql stable set search_path = '' as $$
begin
  return coalesce(nullif(current_setting('app.user_id', true), '')::uuid, private.session_actor_id());
end $$;
comment on function private.actor_id() is
  'The caller''s account, or null: from the setting of private.authorize, else from the claims of the request.';
grant execute on function private.actor_id() to authenticated, service_role;

create function private.managed_project_ids() returns uuid[]
language plpgsql stable security definer set search_path = '' as $$
begin
  return array(
    select project.id from public.projects project
    where project.owner_id = private.actor_id() and project.deleted_at is null
  );
end $$;
comment on function private.managed_project_ids() is 'Projects that the caller owns. Definer: projects has policies of its own.';
grant execute on function private.managed_project_ids() to authenticated, service_role;

create trigger projects_touch before update on public.projects
  for each row execute function private.touch_updated_at();

alter table public.projects enable row level security;
create policy projects_select_owner on public.projects for select to authenticated
  using (owner_id = (select private.actor_id()) and deleted_at is null);
create policy users_select_self_or_owner on public.users for select to authenticated
  using (id = (select private.actor_id()) or project_id = any ((select private.managed_project_ids())::uuid[]));

grant select on public.projects to authenticated;
grant select, insert, update, delete on public.projects to service_role;

create function private.project_json(project public.projects) returns jsonb
language plpgsql stable set search_path = '' as $$
begin
  return jsonb_build_object(
    'id', project.id, 'owner_id', project.owner_id, 'name', project.name, 'description', project.description,
    'is_active', project.is_active, 'email_verification', project.email_verification,
    'allowed_origins', project.allowed_origins, 'site_url', project.site_url, 'plan_id', project.plan_id,
    'created_at', project.created_at, 'updated_at', project.updated_at);
end $$;
comment on function private.project_json(public.projects) is 'A project as the API shows it.';
grant execute on function private.project_json(public.projects) to authenticated, service_role;

create function private.require_project(id uuid) returns public.projects
language plpgsql stable set search_path = '' as $$
declare
  project public.projects;
begin
  select * into project from public.projects p where p.id = require_project.id and p.deleted_at is null;
  if project.id is null then
    raise exception 'project_not_found' using errcode = 'PT404';
  end if;
  return project;
end $$;
comment on function private.require_project(uuid) is 'The project if row-level security shows it to the caller, else project_not_found.';
grant execute on function private.require_project(uuid) to authenticated, service_role;

create function private.create_project(credentials jsonb, project jsonb) returns jsonb
language plpgsql set search_path = '' as $$
declare
  owner uuid;
  allowed integer;
  created public.projects;
begin
  perform private.enter(credentials, 'projects');
  perform private.as_service();
  owner := private.actor_id();
  -- The lock makes two creates of one developer take turns, so that the count below is the truth.
  select plan.projects into allowed
  from public.users account left join public.plans plan on plan.id = account.plan_id
  where account.id = owner for update of account;
  if (select count(*) from public.projects p where p.owner_id = owner and p.deleted_at is null) >= allowed then
    raise exception 'project_limit_reached' using errcode = 'PT403';
  end if;
  insert into public.projects (owner_id, name, description, email_verification, allowed_origins, site_url)
  values (owner, project ->> 'name', project ->> 'description',
    coalesce(project ->> 'email_verification', 'optional'),
    case when jsonb_typeof(project -> 'allowed_origins') = 'array'
      then array(select jsonb_array_elements_text(project -> 'allowed_origins')) else '{*}' end,
    project ->> 'site_url')
  returning * into created;
  return private.project_json(created);
end $$;
comment on function private.create_project(jsonb, jsonb) is
  'POST /projects. Errors: project_limit_reached (403), those of private.authorize.';

create function private.get_project(credentials jsonb, id uuid) returns jsonb
language plpgsql set search_path = '' as $$
begin
  perform private.enter(credentials, 'projects');
  return private.project_json(private.require_project(id));
end $$;
comment on function private.get_project(jsonb, uuid) is
  'GET /projects/{id}. Errors: project_not_found (404), those of private.authorize.';

create function private.list_projects(credentials jsonb, search text, active boolean, page integer, page_size integer)
returns jsonb
language plpgsql set search_path = '' as $$
declare
  -- A pattern character in the search is a character, not a pattern.
  pattern text := '%' || replace(replace(replace(search, '\', '\\'), '%', '\%'), '_', '\_') || '%';
  total bigint;
  items jsonb;
begin
  perform private.enter(credentials, 'projects');
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
