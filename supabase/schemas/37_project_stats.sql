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
