-- What counts against a project's month. Triggers of generations keep it, in the transaction that changes one.

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
comment on column public.generation_usage.sent is 'How many were sent to the provider, whatever became of them.';
comment on column public.generation_usage.canceled is 'How many were canceled or deleted after they were sent, and given back.';

alter table public.generation_usage enable row level security;
create policy generation_usage_select_owner on public.generation_usage for select to authenticated
  using (project_id = any ((select private.managed_project_ids())::uuid[]));

grant select on public.generation_usage to authenticated;
grant select, insert, update, delete on public.generation_usage to service_role;
