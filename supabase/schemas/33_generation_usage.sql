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
