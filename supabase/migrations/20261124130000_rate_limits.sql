-- How much may be asked for. private.authorize says which limit a request falls under; it is counted by the last expression of
-- the same statement, so that the counter's row is locked for an instant and no request waits for the work of another.

alter table public.plans add column reads_per_minute integer
  constraint plans_reads_per_minute_positive check (reads_per_minute > 0);
comment on column public.plans.requests_per_day is
  'Requests per project and UTC day; of a developer who manages projects, per account.';
comment on column public.plans.reads_per_minute is
  'Requests a minute of one account for its own state and for the status of generations, and of one address for what is public.';
comment on column public.plans.auth_calls_per_hour is 'Logins and registrations per project, client address and hour.';
update public.plans set reads_per_minute = case id when 'free' then 600 when 'starter' then 1200 when 'premium' then 6000 end;

-- Half of each page stays free, so that a count is written beside its old version and no index is touched.
create unlogged table public.rate_limits (
  bucket text primary key,
  used integer not null,
  resets_at timestamptz not null
) with (fillfactor = 50);

comment on table public.rate_limits is
  'Requests of the current window of each bucket. Unlogged: a crash begins the windows anew, and counting costs no disk write.';
comment on column public.rate_limits.bucket is 'A limit and whom it counts; an address only as a hash.';
comment on column public.rate_limits.used is 'Requests that were let through in the window; refused ones are not counted.';
comment on column public.rate_limits.resets_at is 'The end of the window. A later request begins the next one in the same row.';

alter table public.rate_limits enable row level security;
grant select, delete on public.rate_limits to service_role;

create function private.limit_state(name text, allowed integer, used integer, seconds integer, resets_at timestamptz)
returns jsonb
language plpgsql stable set search_path = '' as $$
begin
  return jsonb_build_object('name', name, 'limit', allowed, 'remaining', greatest(0, allowed - used),
    'window', seconds, 'resets_in', greatest(1, ceil(extract(epoch from resets_at - now()))::integer));
end $$;
comment on function private.limit_state(text, integer, integer, integer, timestamptz) is
  'What a caller is told of a limit: {name, limit, remaining, window, resets_in}, the last two in seconds.';

create function private.announce_limit(name text, bucket text, allowed integer, seconds integer, credentials jsonb)
returns text
language plpgsql set search_path = '' as $$
#variable_conflict use_column
declare
  known public.rate_limits;
begin
  if allowed is null then
    return '';
  end if;
  -- Whoever is over the limit is refused before any work. Where Redis counts, it knows.
  if credentials ->> 'counter' is distinct from 'redis' then
    select * into known from public.rate_limits r
    where r.bucket = announce_limit.bucket and r.resets_at > now() and r.used >= allowed;
    if known.bucket is not null then
      raise exception 'rate_limited' using errcode = 'PT429',
        detail = private.limit_state(name, allowed, known.used, seconds, known.resets_at)::text;
    end if;
  end if;
  return set_config('app.limit', concat_ws('|', name, bucket, allowed, seconds), true);
end $$;
comment on function private.announce_limit(text, text, integer, integer, jsonb) is
  'Says for this transaction which limit its request falls under, as name|bucket|limit|seconds in app.limit; a limit of null '
  'is none. Errors: rate_limited (429, detail: private.limit_state).';

create function private.count_request(announced text) returns jsonb
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  part text[] := string_to_array(announced, '|');
  allowed integer := part[3];
  seconds integer := part[4];
  window_end timestamptz := to_timestamp((floor(extract(epoch from now()) / seconds) + 1) * seconds);
  counted public.rate_limits;
begin
  -- Counted already, by rules of its own.
  if starts_with(announced, '{') then
    return announced;
  end if;
  insert into public.rate_limits as known (bucket, used, resets_at) values (part[2], 1, window_end)
  on conflict (bucket) do update
    set used = case when known.resets_at > now() then known.used + 1 else 1 end,
      resets_at = case when known.resets_at > now() then known.resets_at else excluded.resets_at end
    where known.resets_at <= now() or known.used < allowed
  returning * into counted;
  if counted.bucket is null then
    raise exception 'rate_limited' using errcode = 'PT429',
      detail = private.limit_state(part[1], allowed, allowed, seconds, window_end)::text;
  end if;
  return private.limit_state(part[1], allowed, counted.used, seconds, counted.resets_at);
end $$;
comment on function private.count_request(text) is
  'Counts a request against the limit that private.announce_limit announced, in one statement under the row''s lock, or refuses '
  'it and with it all that its transaction did. A state as JSON was counted before and is only passed on. Windows begin at multiples of their length. Definer: the caller''s role has '
  'changed by then. Errors: rate_limited (429, detail: private.limit_state).';

create function private.address_bucket(purpose text, project_id uuid, ip text) returns text
language plpgsql immutable set search_path = '' as $$
begin
  return private.bucket_name(purpose, coalesce(project_id::text, '') || ':' || coalesce(private.address_group(ip), 'unknown'));
end $$;
comment on function private.address_bucket(text, uuid, text) is
  'The bucket of a client address, by itself in each project. Callers whose address nobody knows share one.';

create or replace function private.authorize(credentials jsonb, scope text) returns text
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
  project_plan text;
  requests integer;
  reads integer;
  announced text;
  -- Asks for the rights of a generation, and is counted apart from it.
  is_poll boolean := scope = 'status';
  operator uuid;
  developer uuid;
  management boolean;
  key_project uuid;
  key_origins text[];
  fault text;
  remembered text[];
begin
  if is_poll then
    scope := 'generation';
  end if;
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
    select p.id, p.owner_id, p.is_active, p.email_verification = 'required', p.allowed_origins, p.plan_id
    into project, project_owner, project_is_active, project_verifies, project_origins, project_plan
    from public.projects p where p.id = coalesce(v_project, actor_project) and p.deleted_at is null;
    select project_is_active and u.deactivated_at is null, plan.requests_per_day, plan.reads_per_minute
    into project_is_active, requests, reads
    from public.users u left join public.plans plan on plan.id = coalesce(project_plan, u.plan_id)
    where u.id = project_owner;
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
    set_config('app.limit', '', true),
    set_config('request.jwt.claim.sub', coalesce(actor::text, ''), true),
    set_config('request.jwt.claims', coalesce('{"sub":"' || actor || '","role":"authenticated"}', ''), true)];

  -- A request is counted once, by its first statement. Operators are not limited.
  if scope <> 'platform' and actor_role is distinct from 'operator' and not credentials ? 'rate_limit' then
    if actor_role = 'developer' and scope <> 'generation' then
      select plan.requests_per_day, plan.reads_per_minute into requests, reads
      from public.users u join public.plans plan on plan.id = u.plan_id where u.id = actor;
    elsif actor is null and project is null then
      select plan.requests_per_day, plan.reads_per_minute into requests, reads from public.plans plan where plan.is_default;
    end if;
    if scope = 'projects' or (scope = 'generation' and not is_poll) then
      announced := private.announce_limit('requests', 'requests:' || case scope when 'generation' then project else actor end,
        requests, 86400, credentials);
    elsif reads is not null then
      announced := private.announce_limit('reads', coalesce('reads:' || actor,
        private.address_bucket('reads', project, credentials ->> 'ip')), reads, 60, credentials);
    end if;
  end if;
  return case when actor_role = 'operator' then 'service_role' when actor is not null then 'authenticated' else 'anon' end;
end $$;
comment on function private.authorize(jsonb, text) is
  'Checks every credential of a request, remembers the caller for this transaction, announces the limit that the request falls '
  'under and answers the database role to go on as. Scope is public, account, platform, projects, generation or status. Raises '
  'a code with SQLSTATE PT<status>. Definer: nobody else may read keys and sessions.';

create function private.find_auth_limit(credentials jsonb) returns void
language plpgsql set search_path = '' as $$
declare
  v_project uuid;
  allowed integer;
  announced text;
begin
  if exists (select from public.operator_keys k
    join public.users u on u.id = k.user_id and u.role = 'operator' and u.deactivated_at is null
    where k.key_hash = decode(credentials ->> 'operator_key_hash', 'hex') and k.revoked_at is null
      and (k.expires_at is null or k.expires_at > now()))
  then
    return;
  end if;
  select p.id, plan.auth_calls_per_hour into v_project, allowed
  from public.projects p
  join public.users owner on owner.id = p.owner_id
  left join public.plans plan on plan.id = coalesce(p.plan_id, owner.plan_id)
  where p.id = (credentials ->> 'project_id')::uuid and p.deleted_at is null;
  if v_project is null then
    select plan.auth_calls_per_hour into allowed from public.plans plan where plan.is_default;
  end if;
  announced := private.announce_limit('auth', private.address_bucket('auth', v_project, credentials ->> 'ip'), allowed, 3600,
    credentials);
end $$;
comment on function private.find_auth_limit(jsonb) is
  'The limit of a login or registration, which counts before anything else is known of it: by the project''s plan, or by the '
  'default one where no project is named. Errors: rate_limited (429).';

create or replace function private.get_generation_status(credentials jsonb, id uuid) returns jsonb
language plpgsql set search_path = '' as $$
declare
  found jsonb;
begin
  perform private.enter(credentials, 'status');
  select jsonb_build_object(
    'id', g.id, 'status', g.status, 'instructions', g.instructions, 'model', g.model, 'example_images', g.example_images,
    'outputs', g.outputs, 'is_public', g.is_public, 'link_version', g.link_version, 'error', g.error,
    'error_code', g.error_code, 'charged', g.charge <> 'refunded', 'created_at', g.created_at, 'updated_at', g.updated_at, 'completed_at', g.completed_at)
  into found
  from public.generations g
  where g.id = get_generation_status.id and g.project_id = current_setting('app.project_id')::uuid;
  if found is null then
    raise exception 'generation_not_found' using errcode = 'PT404';
  end if;
  return found;
end $$;
