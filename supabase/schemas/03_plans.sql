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
