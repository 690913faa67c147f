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
