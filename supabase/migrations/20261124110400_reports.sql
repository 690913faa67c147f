-- Answers to the questions that a developer asks in Studio, as views. Schema `reports` is not exposed through PostgREST, and
-- every view runs with the rights of whoever reads it. None is named like a table: the embedded REST tells them apart by name.

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
comment on view reports.generations_per_day is 'Per UTC day and project: how many, how they ended, how long they took, what they cost in seconds.';

create view reports.failures_per_day with (security_invoker = true) as
select (g.completed_at at time zone 'utc')::date as day, g.error_code, count(*) as generations,
  count(distinct g.project_id) as projects, max(g.error) as error
from public.generations g
where g.status = 'failed'
group by 1, 2;
comment on view reports.failures_per_day is 'Why generations fail, per UTC day.';

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
comment on view reports.keys is 'Every key of every kind with its owner and last use; no secret.';

create view reports.recent_changes with (security_invoker = true) as
select event.occurred_at, event.actor_role, actor.email as actor_email, event.action, event.resource, event.resource_id,
  project.name as project_name, event.changes, event.ip, event.request_id
from public.audit_events event
left join public.users actor on actor.id = event.actor_id
left join public.projects project on project.id = event.project_id
order by event.id desc;
comment on view reports.recent_changes is 'The audit trail with names, newest first.';

grant select on all tables in schema reports to service_role;
