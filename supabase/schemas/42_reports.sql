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
