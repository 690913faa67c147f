-- Who is calling. Every function of the API starts with private.enter, which checks all credentials of a request in one
-- statement, remembers the caller in settings of the transaction and takes the role under which policies decide.

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

create function private.authorize(credentials jsonb, scope text) returns void
language plpgsql security definer set search_path = '' as $$
declare
  v_user uuid := (credentials ->> 'user_id')::uuid;
  v_session uuid := (credentials ->> 'session_id')::uuid;
  v_project uuid := (credentials ->> 'project_id')::uuid;
  v_operator_key bytea := decode(credentials ->> 'operator_key_hash', 'hex');
  v_developer_key bytea := decode(credentials ->> 'developer_key_hash', 'hex');
  v_api_key bytea := decode(credentials ->> 'api_key_hash', 'hex');
  from_browser boolean := coalesce((credentials ->> 'from_browser')::boolean, false);
  found record;
  state text;
  actor uuid;
  actor_role text;
begin
  select
    account.id as user_id, account.role as user_role, account.project_id as user_project_id,
    account.deactivated_at as user_deactivated_at, session.id as session_id,
    project.email_verification = 'required' and account.email_verified_at is null as must_verify,
    project.id as project_id, project.allowed_origins, project.owner_id, project.is_active and owner.deactivated_at is null as project_is_active,
    operator.id as operator_id, ok.revoked_at as ok_revoked_at, ok.expires_at as ok_expires_at,
    operator.deactivated_at as operator_deactivated_at,
    dk.user_id as developer_id, dk.management, dk.revoked_at as dk_revoked_at, dk.grace_ends_at as dk_grace_ends_at,
    dk.expires_at as dk_expires_at, developer.deactivated_at as developer_deactivated_at,
    key_project.id as key_project_id, key_project.allowed_origins as key_allowed_origins, ak.revoked_at as ak_revoked_at, ak.grace_ends_at as ak_grace_ends_at,
    ak.expires_at as ak_expires_at
  into found
  from (select 1) as request
  left join public.users account on account.id = v_user
  left join auth.sessions session
    on session.id = v_session and session.user_id = account.id and session.not_after > now()
  left join public.projects project
    on project.id = coalesce(v_project, account.project_id) and project.deleted_at is null
  left join public.users owner on owner.id = project.owner_id
  left join public.operator_keys ok on ok.key_hash = v_operator_key
  left join public.users operator on operator.id = ok.user_id and operator.role = 'operator'
  left join public.developer_keys dk on dk.key_hash = v_developer_key
  left join public.users developer on developer.id = dk.user_id
  left join public.api_keys ak on ak.key_hash = v_api_key
  left join public.projects key_project on key_project.id = ak.project_id and key_project.deleted_at is null;

  -- Before anything else is told. Project endpoints are left out: there an owner puts a wrong list right.
  if scope <> 'projects' and credentials ->> 'origin' is not null
    and not private.is_origin_allowed(credentials ->> 'origin', coalesce(found.allowed_origins, found.key_allowed_origins, '{*}'))
  then
    raise exception 'origin_not_allowed' using errcode = 'PT403';
  end if;

  if v_user is not null then
    if found.user_id is null or found.session_id is null
      or (found.user_role = 'end_user' and v_project is distinct from found.user_project_id and v_project is not null)
    then
      raise exception 'invalid_token' using errcode = 'PT401';
    end if;
    if found.user_deactivated_at is not null then
      raise exception 'account_deactivated' using errcode = 'PT403';
    end if;
  end if;

  if v_operator_key is not null then
    state := private.key_state(found.ok_revoked_at, null, found.ok_expires_at);
    if found.operator_id is null or found.operator_deactivated_at is not null then
      raise exception 'operator_key_invalid' using errcode = 'PT403';
    elsif state <> 'active' then
      raise exception '%', 'operator_key_' || state using errcode = 'PT403';
    elsif from_browser then
      raise exception 'key_not_for_browsers' using errcode = 'PT403';
    end if;
  end if;

  if v_developer_key is not null then
    state := private.key_state(found.dk_revoked_at, found.dk_grace_ends_at, found.dk_expires_at);
    if found.developer_id is null or found.developer_deactivated_at is not null then
      raise exception 'developer_key_invalid' using errcode = 'PT403';
    elsif state <> 'active' then
      raise exception '%', 'developer_key_' || state using errcode = 'PT403';
    elsif found.management and from_browser then
      raise exception 'key_not_for_browsers' using errcode = 'PT403';
    elsif found.user_role = 'developer' and found.developer_id is distinct from found.user_id then
      raise exception 'developer_key_invalid' using errcode = 'PT403';
    end if;
  end if;

  if v_project is not null and found.project_id is null then
    raise exception 'project_not_found' using errcode = 'PT404';
  end if;
  if v_developer_key is not null and found.project_id is not null
    and found.owner_id is distinct from found.developer_id
  then
    raise exception 'developer_key_invalid' using errcode = 'PT403';
  end if;

  if v_api_key is not null then
    state := private.key_state(found.ak_revoked_at, found.ak_grace_ends_at, found.ak_expires_at);
    if found.key_project_id is null or (found.project_id is not null
      and found.key_project_id is distinct from found.project_id)
    then
      raise exception 'api_key_invalid' using errcode = 'PT403';
    elsif state <> 'active' then
      raise exception '%', 'api_key_' || state using errcode = 'PT403';
    end if;
  end if;

  if found.user_role = 'end_user' and found.project_is_active is distinct from true then
    raise exception 'project_inactive' using errcode = 'PT403';
  end if;
  -- A session made at Auth itself does not pass the login's check.
  if found.user_role = 'end_user' and found.must_verify and scope <> 'public' then
    raise exception 'account_not_verified' using errcode = 'PT400';
  end if;

  if v_user is not null then
    actor := found.user_id;
    actor_role := found.user_role;
  elsif v_operator_key is not null then
    actor := found.operator_id;
    actor_role := 'operator';
  elsif scope = 'projects' and found.management then
    actor := found.developer_id;
    actor_role := 'developer';
  end if;

  if scope is distinct from 'public' and actor is null then
    if scope = 'projects' and v_developer_key is not null then
      raise exception 'management_key_required' using errcode = 'PT401';
    end if;
    raise exception 'not_authenticated' using errcode = 'PT401';
  end if;
  if credentials ->> 'role' is not null and (credentials ->> 'role') is distinct from actor_role and actor is not null then
    raise exception 'role_mismatch' using errcode = 'PT403';
  end if;

  if scope = 'projects' and actor_role = 'end_user' then
    raise exception 'developers_only' using errcode = 'PT403';
  elsif scope = 'generation' then
    if v_project is null then
      raise exception 'project_id_required' using errcode = 'PT403';
    elsif actor_role = 'end_user' and v_developer_key is null then
      raise exception 'developer_key_required' using errcode = 'PT403';
    elsif actor_role = 'end_user' and v_api_key is null then
      raise exception 'api_key_required' using errcode = 'PT403';
    elsif actor_role = 'developer' and found.owner_id is distinct from actor then
      raise exception 'project_not_found' using errcode = 'PT404';
    elsif found.project_is_active is distinct from true then
      raise exception 'project_inactive' using errcode = 'PT403';
    end if;
  end if;

  perform
    set_config('app.user_id', coalesce(actor::text, ''), true),
    set_config('app.user_role', coalesce(actor_role, ''), true),
    set_config('app.project_id', coalesce(found.project_id::text, ''), true),
    set_config('app.ip', coalesce(credentials ->> 'ip', ''), true),
    set_config('app.user_agent', coalesce(credentials ->> 'user_agent', ''), true),
    set_config('app.request_id', coalesce(credentials ->> 'request_id', ''), true),
    set_config('app.database_role',
      case when actor_role = 'operator' then 'service_role' when actor is not null then 'authenticated' else 'anon' end, true),
    set_config('request.jwt.claim.sub', coalesce(actor::text, ''), true),
    set_config('request.jwt.claims', case when actor is null then '' else
      jsonb_build_object('sub', actor, 'role', 'authenticated', 'session_id', found.session_id)::text end, true);
end $$;
comment on function private.authorize(jsonb, text) is
  'Checks every credential of a request and remembers the caller for this transaction. Scope is public, account, platform, projects '
  'or generation. Raises a code with SQLSTATE PT<status>. Definer: nobody else may read keys and sessions.';

create function private.enter(credentials jsonb, scope text) returns void
language plpgsql set search_path = '' as $$
begin
  perform private.authorize(credentials, scope);
  perform set_config('role', current_setting('app.database_role'), true);
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
