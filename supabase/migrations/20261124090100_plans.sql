-- What a project may use. One table an operator can edit; null means unlimited.

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
  updated_at timestamptz not null default now()
);

create unique index plans_is_default on public.plans (is_default) where is_default;

comment on table public.plans is 'Limits by plan. Null means unlimited. The default plan is given to new developers.';
comment on column public.plans.requests_per_day is 'API requests per project and UTC day.';
comment on column public.plans.auth_calls_per_hour is 'Logins and registrations per client address and hour.';
comment on column public.plans.generations_per_month is 'Charged generations per project and UTC month.';
comment on column public.plans.concurrent_generations is 'Generations of a project that may be pending or processing at once.';
comment on column public.plans.projects is 'Projects that one developer may own.';
comment on column public.plans.api_keys_per_project is 'Active API keys per project.';
comment on column public.plans.id is 'Its name: free, starter, premium or one of the operator''s own.';
comment on column public.plans.is_default is 'Whether new developers get it; true for one plan.';
comment on column public.plans.created_at is 'When the plan was added.';
comment on column public.plans.updated_at is 'When a limit last changed.';

create trigger plans_touch before update on public.plans
  for each row execute function private.touch_updated_at();

alter table public.plans enable row level security;
grant select, insert, update, delete on public.plans to service_role;

insert into public.plans
  (id, requests_per_day, auth_calls_per_hour, generations_per_month, concurrent_generations, projects, api_keys_per_project, is_default)
values
  ('free', 1000, 100, 100, 1, 5, 3, true),
  ('starter', 10000, 500, 1000, 3, 20, 10, false),
  ('premium', 100000, 2000, null, 10, null, null, false);
