-- Authorization. Every function of the API starts with private.authorize_and_set_role. It checks all credentials, stores the
-- caller in settings of the transaction, and sets the role to which policies apply.

create function private.is_origin_allowed(origin text, allowed text[]) returns boolean
language plpgsql immutable set search_path = '' as $$
begin
  return exists (
    select from unnest(allowed) as entry (pattern)
    where entry.pattern = '*' or lower(entry.pattern) = lower(origin)
      -- https://*.example.com allows every subdomain, but not the domain itself, on the same scheme and port.
      or (entry.pattern like '%://*.%'
        and starts_with(lower(origin), lower(split_part(entry.pattern, '*', 1)))
        and right(lower(origin), length(split_part(entry.pattern, '*', 2))) = lower(split_part(entry.pattern, '*', 2))
        and substr(lower(origin), length(split_part(entry.pattern, '*', 1)) + 1) ~ '^[a-z0-9]([a-z0-9.-]*)(:[0-9]+)?$')
  );
end $$;
comment on function private.is_origin_allowed(text, text[]) is
  'Whether a project''s allowed_origins contain a browser origin. * allows every origin, and *. every subdomain.';

-- Every transaction prepares each expression again, which costs more than evaluating it. So a few large ones are faster.
create function private.authorize(credentials jsonb, scope text) returns text
language plpgsql security definer set search_path = '' as $$
declare
  v_project uuid := (credentials ->> 'project_id')::uuid;
  -- A poll needs the rights of a generation, but has its own limit.
  is_generation boolean := scope in ('generation', 'status');
  account uuid;
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
  requests integer;
  reads integer;
  operator uuid;
  operator_fault text;
  developer uuid;
  developer_fault text;
  is_developer_key_unknown boolean;
  management boolean;
  key_project uuid;
  key_fault text;
  is_api_key_unknown boolean;
  key_origins text[];
  refusal text;
  announced text := '';
  remembered text[];
begin
  -- 1. The token's account, the project and the plan, in one statement. `offset 0` hides missing values from the planner, which
  -- would otherwise plan again.
  if coalesce(credentials ->> 'user_id', credentials ->> 'project_id') is not null then
    select u.id, u.role, u.project_id, u.deactivated_at is null, u.email_verified_at is not null,
      p.id, p.owner_id, p.is_active and owner.deactivated_at is null, p.email_verification = 'required', p.allowed_origins,
      plan.requests_per_day, plan.reads_per_minute
    into account, actor_role, actor_project, actor_is_active, actor_is_verified,
      project, project_owner, project_is_active, project_verifies, project_origins, requests, reads
    from (select (credentials ->> 'session_id')::uuid as session_id, (credentials ->> 'user_id')::uuid as user_id,
      v_project as project_id offset 0) sent
    left join auth.sessions s on s.id = sent.session_id and s.user_id = sent.user_id and s.not_after > now()
    left join public.users u on u.id = s.user_id
    left join public.projects p on p.id = coalesce(sent.project_id, u.project_id) and p.deleted_at is null
    left join public.users owner on owner.id = p.owner_id
    -- The limits of a developer's own plan apply to management, and those of the project's plan to everybody else.
    left join public.plans plan on plan.id = case when u.role = 'developer' and not is_generation then u.plan_id
      else coalesce(p.plan_id, owner.plan_id) end;
  end if;

  -- 2. The keys that were sent. Small statements are cheaper than a join, which opens every table of keys.
  if credentials ->> 'operator_key_hash' is not null then
    select u.id, case when k.revoked_at is not null or k.expires_at <= now()
      then private.key_state(k.revoked_at, null, k.expires_at) end
    into operator, operator_fault
    from public.operator_keys k
    join public.users u on u.id = k.user_id and u.role = 'operator' and u.deactivated_at is null
    where k.key_hash = decode(credentials ->> 'operator_key_hash', 'hex');
  end if;
  if credentials ->> 'developer_key_hash' is not null then
    select u.id, k.management, case when k.revoked_at is not null or least(k.grace_ends_at, k.expires_at) <= now()
      then private.key_state(k.revoked_at, k.grace_ends_at, k.expires_at) end
    into developer, management, developer_fault
    from public.developer_keys k
    left join public.users u on u.id = k.user_id and u.deactivated_at is null
    where k.key_hash = decode(credentials ->> 'developer_key_hash', 'hex');
    is_developer_key_unknown := not found;
  end if;
  if credentials ->> 'api_key_hash' is not null then
    select k.project_id, case when k.revoked_at is not null or least(k.grace_ends_at, k.expires_at) <= now()
      then private.key_state(k.revoked_at, k.grace_ends_at, k.expires_at) end
    into key_project, key_fault
    from public.api_keys k where k.key_hash = decode(credentials ->> 'api_key_hash', 'hex');
    is_api_key_unknown := not found;
    if key_project is distinct from project then
      select p.id, p.allowed_origins into key_project, key_origins
      from public.projects p where p.id = key_project and p.deleted_at is null;
    end if;
  end if;

  -- 3. The actor: the account of the token, else that of an operator key or a management key.
  actor := account;
  if actor is null then
    actor := coalesce(operator, case when scope = 'projects' and management then developer end);
    actor_role := case when operator is not null then 'operator' when actor is not null then 'developer' end;
    if actor is not null then
      select plan.requests_per_day, plan.reads_per_minute into requests, reads
      from public.users u join public.plans plan on plan.id = u.plan_id where u.id = actor;
    elsif project is null then
      select plan.requests_per_day, plan.reads_per_minute into requests, reads from public.plans plan where plan.is_default;
    end if;
  end if;

  -- 4. The refusal: the first condition that is true. Null never passes.
  refusal := coalesce(
    -- The origin comes first, before any other refusal. Project endpoints skip it, so that an owner can correct a wrong list.
    case when credentials ->> 'origin' is null or scope = 'projects' then null
      when not private.is_origin_allowed(credentials ->> 'origin', coalesce(project_origins, key_origins, '{*}'))
        then 'origin_not_allowed' end,
    -- The token.
    case when credentials ->> 'user_id' is null then null
      when account is null then 'invalid_token'
      when actor_role = 'end_user' and v_project is not null and v_project is distinct from actor_project then 'invalid_token'
      when not actor_is_active then 'account_deactivated' end,
    -- The operator key.
    case when credentials ->> 'operator_key_hash' is null then null
      when operator is null then 'operator_key_invalid'
      when operator_fault is not null then 'operator_key_' || operator_fault
      when (credentials ->> 'from_browser')::boolean then 'key_not_for_browsers' end,
    -- The developer key.
    case when credentials ->> 'developer_key_hash' is null then null
      when developer is null then 'developer_key_invalid'
      when developer_fault is not null then 'developer_key_' || developer_fault
      when management and (credentials ->> 'from_browser')::boolean then 'key_not_for_browsers'
      when actor_role = 'developer' and developer is distinct from actor then 'developer_key_invalid'
      when project is not null and developer is distinct from project_owner then 'developer_key_invalid' end,
    -- The project and its API key.
    case when v_project is not null and project is null then 'project_not_found'
      when credentials ->> 'api_key_hash' is null then null
      when key_project is null or (project is not null and key_project is distinct from project) then 'api_key_invalid'
      when key_fault is not null then 'api_key_' || key_fault end,
    -- The account in this scope. A session made at Auth itself did not pass the login's check of the address.
    case when actor is null then case
        when scope = 'public' then null
        when scope = 'projects' and developer is not null then 'management_key_required'
        else 'not_authenticated' end
      when actor_role = 'end_user' and project_is_active is distinct from true then 'project_inactive'
      when actor_role = 'end_user' and project_verifies and not actor_is_verified and scope is distinct from 'public'
        then 'account_not_verified'
      when credentials ->> 'role' <> actor_role
        -- A project's owner may act as one of its users, with all credentials of a user.
        and not coalesce(credentials ->> 'role' = 'end_user' and account = project_owner and developer = account
          and key_project = v_project and scope not in ('projects', 'platform'), false)
        then 'role_mismatch'
      when scope = 'projects' and actor_role = 'end_user' then 'developers_only' end,
    -- A generation needs all credentials of an end user, or a developer's own project.
    case when not is_generation then null
      when v_project is null then 'project_id_required'
      when actor_role = 'end_user' and developer is null then 'developer_key_required'
      when actor_role = 'end_user' and key_project is null then 'api_key_required'
      when actor_role = 'developer' and project_owner is distinct from actor then 'project_not_found'
      when project_is_active is distinct from true then 'project_inactive' end);
  if refusal is not null then
    -- A key that was revoked or never issued stays refused. Everything else can change, such as the owner of a project.
    raise exception '%', refusal using detail = jsonb_build_object('is_final', case refusal
      when 'developer_key_invalid' then is_developer_key_unknown
      when 'api_key_invalid' then is_api_key_unknown
      else refusal in ('developer_key_revoked', 'api_key_revoked') end);
  end if;

  -- 5. The limit. A request is counted once, by its first statement. Operators are not limited.
  if scope <> 'platform' and actor_role is distinct from 'operator' and not credentials ? 'rate_limit' then
    if scope in ('projects', 'generation') then
      announced := private.announce_limit('requests', 'requests:' || case scope when 'generation' then project else actor end,
        requests, 86400, credentials);
    elsif reads is not null then
      announced := private.announce_limit('reads', coalesce('reads:' || actor,
        private.address_bucket('reads', project, credentials ->> 'ip')), reads, 60, credentials);
    end if;
  end if;

  -- 6. Settings for policies and functions of this transaction. An assignment is cheaper than `perform`, which starts a statement.
  remembered := array[
    set_config('app.user_id', coalesce(actor::text, ''), true),
    set_config('app.user_role', coalesce(actor_role, ''), true),
    set_config('app.project_id', coalesce(project::text, ''), true),
    set_config('app.ip', coalesce(credentials ->> 'ip', ''), true),
    set_config('app.user_agent', coalesce(credentials ->> 'user_agent', ''), true),
    set_config('app.request_id', coalesce(credentials ->> 'request_id', ''), true),
    set_config('app.limit', announced, true),
    set_config('request.jwt.claim.sub', coalesce(actor::text, ''), true),
    set_config('request.jwt.claims', coalesce('{"sub":"' || actor || '","role":"authenticated"}', ''), true)];

  return case when actor_role = 'operator' then 'service_role' when actor is not null then 'authenticated' else 'anon' end;
end $$;
comment on function private.authorize(jsonb, text) is
  'Checks every credential of a request, and stores the caller and the limit of the request for this transaction. Returns the '
  'database role to continue with. Scope is public, account, platform, projects, generation or status. Definer: nobody else '
  'may read keys and sessions.';

create function private.authorize_and_set_role(credentials jsonb, scope text) returns text
language plpgsql set search_path = '' as $$
begin
  return set_config('role', private.authorize(credentials, scope), true);
end $$;
comment on function private.authorize_and_set_role(jsonb, text) is
  'Calls authorize, then sets the caller''s database role: authenticated or anon under row-level security, service_role for an '
  'operator.';

create function private.check_credentials(credentials jsonb, scope text) returns jsonb
language plpgsql set search_path = '' as $$
begin
  perform private.authorize_and_set_role(credentials, scope);
  return jsonb_build_object('user_id', nullif(current_setting('app.user_id'), ''),
    'role', nullif(current_setting('app.user_role'), ''), 'project_id', nullif(current_setting('app.project_id'), ''));
end $$;
comment on function private.check_credentials(jsonb, text) is
  'Checks the caller before expensive work such as an upload. Errors: those of private.authorize.';
