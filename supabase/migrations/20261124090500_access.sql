-- Who is calling. Every function of the API starts with private.enter, which checks all credentials of a request,
-- remembers the caller in settings of the transaction and takes the role under which policies decide.

create function private.is_origin_allowed(origin text, allowed text[]) returns boolean
language plpgsql immutable set search_path = '' as $$
begin
  return exists (
    select from unnest(allowed) as entry (pattern)
    where entry.pattern = '*' or lower(entry.pattern) = lower(origin)
      -- https://*.example.com: everything below the domain, not the domain itself, on the same scheme and port.
      or (entry.pattern like '%://*.%'
        and starts_with(lower(origin), lower(split_part(entry.pattern, '*', 1)))
        and right(lower(origin), length(split_part(entry.pattern, '*', 2))) = lower(split_part(entry.pattern, '*', 2))
        and substr(lower(origin), length(split_part(entry.pattern, '*', 1)) + 1) ~ '^[a-z0-9]([a-z0-9.-]*)(:[0-9]+)?$')
  );
end $$;
comment on function private.is_origin_allowed(text, text[]) is
  'Whether a browser origin is one of a project''s allowed_origins: * is any, *. stands for every sub-domain.';

create function private.authorize(credentials jsonb, scope text) returns text
language plpgsql security definer set search_path = '' as $$
declare
  v_project uuid := (credentials ->> 'project_id')::uuid;
  refusal text;
  actor uuid;
  actor_role text;
  actor_project uuid;
  actor_is_active boolean;
  actor_is_verified boolean;
  project uuid;
  project_owner uuid;
  project_is_active boolean;
  project_verifies boolean;
  project_origins text[];
  operator uuid;
  developer uuid;
  management boolean;
  key_project uuid;
  key_origins text[];
  fault text;
  remembered text[];
begin
  -- Small statements for the credentials that were sent are cheaper than a join that also opens the tables of the others.
  if credentials ->> 'user_id' is not null then
    select s.user_id into actor from auth.sessions s
    where s.id = (credentials ->> 'session_id')::uuid and s.user_id = (credentials ->> 'user_id')::uuid
      and s.not_after > now();
    select u.role, u.project_id, u.deactivated_at is null, u.email_verified_at is not null
    into actor_role, actor_project, actor_is_active, actor_is_verified
    from public.users u where u.id = actor;
    refusal := case
      when actor_role is null
        or (actor_role = 'end_user' and v_project is not null and v_project is distinct from actor_project)
        then 'invalid_token'
      when actor_is_active is distinct from true then 'account_deactivated'
    end;
  end if;

  if credentials ->> 'operator_key_hash' is not null then
    select u.id, case when k.revoked_at is not null or k.expires_at <= now()
      then private.key_state(k.revoked_at, null, k.expires_at) end
    into operator, fault
    from public.operator_keys k
    join public.users u on u.id = k.user_id and u.role = 'operator' and u.deactivated_at is null
    where k.key_hash = decode(credentials ->> 'operator_key_hash', 'hex');
    refusal := coalesce(refusal, case
      when operator is null then 'operator_key_invalid'
      when fault is not null then 'operator_key_' || fault
      when (credentials ->> 'from_browser')::boolean then 'key_not_for_browsers'
    end);
  end if;

  if credentials ->> 'developer_key_hash' is not null then
    select u.id, k.management, case when k.revoked_at is not null or least(k.grace_ends_at, k.expires_at) <= now()
      then private.key_state(k.revoked_at, k.grace_ends_at, k.expires_at) end
    into developer, management, fault
    from public.developer_keys k
    join public.users u on u.id = k.user_id and u.deactivated_at is null
    where k.key_hash = decode(credentials ->> 'developer_key_hash', 'hex');
    refusal := coalesce(refusal, case
      when developer is null then 'developer_key_invalid'
      when fault is not null then 'developer_key_' || fault
      when management and (credentials ->> 'from_browser')::boolean then 'key_not_for_browsers'
      when actor_role = 'developer' and developer is distinct from actor then 'developer_key_invalid'
    end);
  end if;

  if v_project is not null or actor_project is not null then
    select p.id, p.owner_id, p.is_active, p.email_verification = 'required', p.allowed_origins
    into project, project_owner, project_is_active, project_verifies, project_origins
    from public.projects p where p.id = coalesce(v_project, actor_project) and p.deleted_at is null;
    select project_is_active and u.deactivated_at is null into project_is_active
    from public.users u where u.id = project_owner;
    refusal := coalesce(refusal, case
      when v_project is not null and project is null then 'project_not_found'
      when developer is not null and project is not null and developer is distinct from project_owner
        then 'developer_key_invalid'
    end);
  end if;

  if credentials ->> 'api_key_hash' is not null then
    select k.project_id, case when k.revoked_at is not null or least(k.grace_ends_at, k.expires_at) <= now()
      then private.key_state(k.revoked_at, k.grace_ends_at, k.expires_at) end
    into key_project, fault
    from public.api_keys k where k.key_hash = decode(credentials ->> 'api_key_hash', 'hex');
    if key_project is distinct from project then
      select p.id, p.allowed_origins into key_project, key_origins
      from public.projects p where p.id = key_project and p.deleted_at is null;
    end if;
    refusal := coalesce(refusal, case
      when key_project is null or (project is not null and key_project is distinct from project) then 'api_key_invalid'
      when fault is not null then 'api_key_' || fault
    end);
  end if;

  if actor is null then
    actor := coalesce(operator, case when scope = 'projects' and management then developer end);
    actor_role := case when operator is not null then 'operator' when actor is not null then 'developer' end;
  end if;
  refusal := coalesce(refusal, case
    when actor_role = 'end_user' and project_is_active is distinct from true then 'project_inactive'
    -- A session made at Auth itself does not pass the login's check.
    when actor_role = 'end_user' and project_verifies and not actor_is_verified and scope is distinct from 'public'
      then 'account_not_verified'
    when actor is null and scope is distinct from 'public' then
      case when scope = 'projects' and developer is not null then 'management_key_required' else 'not_authenticated' end
    when actor is not null and credentials ->> 'role' <> actor_role then 'role_mismatch'
    when scope = 'projects' and actor_role = 'end_user' then 'developers_only'
    when scope is distinct from 'generation' then null
    when v_project is null then 'project_id_required'
    when actor_role = 'end_user' and developer is null then 'developer_key_required'
    when actor_role = 'end_user' and key_project is null then 'api_key_required'
    when actor_role = 'developer' and project_owner is distinct from actor then 'project_not_found'
    when project_is_active is distinct from true then 'project_inactive'
  end);
  -- Before anything else is told. Project endpoints are left out: there an owner puts a wrong list right.
  if credentials ->> 'origin' is not null and scope is distinct from 'projects' and not
    private.is_origin_allowed(credentials ->> 'origin', coalesce(project_origins, key_origins, '{*}'))
  then
    refusal := 'origin_not_allowed';
  end if;
  if refusal is not null then
    raise exception '%', refusal using errcode = case
      when refusal in ('invalid_token', 'not_authenticated', 'management_key_required') then 'PT401'
      when refusal = 'account_not_verified' then 'PT400'
      when refusal = 'project_not_found' then 'PT404'
      else 'PT403' end;
  end if;

  -- Assigned, since `perform` would start a statement.
  remembered := array[
    set_config('app.user_id', coalesce(actor::text, ''), true),
    set_config('app.user_role', coalesce(actor_role, ''), true),
    set_config('app.project_id', coalesce(project::text, ''), true),
    set_config('app.ip', coalesce(credentials ->> 'ip', ''), true),
    set_config('app.user_agent', coalesce(credentials ->> 'user_agent', ''), true),
    set_config('app.request_id', coalesce(credentials ->> 'request_id', ''), true),
    set_config('request.jwt.claim.sub', coalesce(actor::text, ''), true),
    set_config('request.jwt.claims', coalesce('{"sub":"' || actor || '","role":"authenticated"}', ''), true)];
  return case when actor_role = 'operator' then 'service_role' when actor is not null then 'authenticated' else 'anon' end;
end $$;
comment on function private.authorize(jsonb, text) is
  'Checks every credential of a request, remembers the caller for this transaction and answers the database role to go on '
  'as. Scope is public, account, platform, projects or generation. Raises a code with SQLSTATE PT<status>. Definer: nobody '
  'else may read keys and sessions.';

create function private.enter(credentials jsonb, scope text) returns void
language plpgsql set search_path = '' as $$
declare
  database_role text := private.authorize(credentials, scope);
begin
  database_role := set_config('role', database_role, true);
end $$;
comment on function private.enter(jsonb, text) is
  'authorize, then go on as the caller''s database role: authenticated or anon under row-level security, service_role for an operator.';

create function private.check_credentials(credentials jsonb, scope text) returns jsonb
language plpgsql set search_path = '' as $$
begin
  perform private.enter(credentials, scope);
  return jsonb_build_object('user_id', nullif(current_setting('app.user_id'), ''),
    'role', nullif(current_setting('app.user_role'), ''), 'project_id', nullif(current_setting('app.project_id'), ''));
end $$;
comment on function private.check_credentials(jsonb, text) is
  'The caller, before work that costs something (an upload). Errors: those of private.authorize.';
