-- The audit trail: who changed an account, a project, a key or a plan, when, and from where. Triggers write it, so it covers
-- every write to the tables. Nobody can change it afterwards, not even service_role or the owner.

create table public.audit_events (
  id bigint generated always as identity primary key,
  occurred_at timestamptz not null default now(),
  resource text not null,
  resource_id text not null,
  action text not null constraint audit_events_action check (action in ('create', 'update', 'delete')),
  changes jsonb not null default '{}' constraint audit_events_changes_object check (jsonb_typeof(changes) = 'object'),
  project_id uuid,
  actor_id uuid,
  actor_role text not null
    constraint audit_events_actor_role check (actor_role in ('operator', 'developer', 'end_user', 'anonymous', 'system')),
  ip inet,
  user_agent text,
  request_id text
);
create index audit_events_project_id on public.audit_events (project_id, id desc);
create index audit_events_occurred_at on public.audit_events (occurred_at);

comment on table public.audit_events is
  'Every change to accounts, projects, keys and plans. Append-only, without hashes and personal data. It has no foreign keys, '
  'because events outlive their subjects.';
comment on column public.audit_events.id is 'Grows in the order of the changes.';
comment on column public.audit_events.occurred_at is 'When the change was made.';
comment on column public.audit_events.resource is
  'user, project, project_transfer, api_key, developer_key, operator_key, webhook or plan.';
comment on column public.audit_events.resource_id is 'The id of the changed row.';
comment on column public.audit_events.action is 'create, update or delete.';
comment on column public.audit_events.changes is
  '{column: {old, new}}; of a personal or secret column only {redacted: true}; empty for a delete.';
comment on column public.audit_events.project_id is 'The project of the changed row; null for developers, operators and plans.';
comment on column public.audit_events.actor_id is 'The account that made the change, if any.';
comment on column public.audit_events.actor_role is
  'The role of the account at that time. anonymous is a request without an account, such as a registration; system is no request.';
comment on column public.audit_events.ip is 'Address of the caller.';
comment on column public.audit_events.user_agent is 'User agent of the caller.';
comment on column public.audit_events.request_id is 'X-Request-Id of the request.';

create function private.record_audit() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  unwatched constant text[] := '{key_hash,email_fold,updated_at,last_used_at,purge_at,purge_started_at,previous_secret,failing_since}';
  -- The URL of a webhook may contain a token.
  personal constant text[] := '{email,full_name,secret,url}';
  before jsonb;
  after jsonb;
  subject jsonb;
  changed jsonb;
  request text := nullif(current_setting('app.request_id', true), '');
  address inet;
begin
  begin
    address := nullif(current_setting('app.ip', true), '')::inet;
  exception when invalid_text_representation then
    address := null;
  end;
  if tg_op <> 'INSERT' then
    before := to_jsonb(old) - unwatched;
  end if;
  if tg_op <> 'DELETE' then
    after := to_jsonb(new) - unwatched;
  end if;
  subject := coalesce(after, before);
  if tg_op <> 'DELETE' then
    select jsonb_object_agg(field.name, case when field.name = any (personal) then '{"redacted": true}'::jsonb
      else jsonb_build_object('old', before -> field.name, 'new', after -> field.name) end)
    into changed
    from jsonb_object_keys(after) as field (name)
    where coalesce(before -> field.name, 'null') is distinct from after -> field.name;
    if changed is null then
      return null;
    end if;
  end if;
  insert into public.audit_events
    (resource, resource_id, action, changes, project_id, actor_id, actor_role, ip, user_agent, request_id)
  values (tg_argv[0], subject ->> 'id',
    case tg_op when 'INSERT' then 'create' when 'UPDATE' then 'update' else 'delete' end, coalesce(changed, '{}'),
    (case when tg_argv[0] = 'project' then subject ->> 'id' else subject ->> 'project_id' end)::uuid,
    nullif(current_setting('app.user_id', true), '')::uuid,
    coalesce(nullif(current_setting('app.user_role', true), ''), case when request is null then 'system' else 'anonymous' end),
    address,
    nullif(current_setting('app.user_agent', true), ''), request);
  return null;
end $$;
comment on function private.record_audit() is
  'Trigger: writes the change as audit_events of the resource in its argument. Definer: nobody else may insert there.';

create function private.refuse_audit_change() returns trigger
language plpgsql set search_path = '' as $$
begin
  if tg_op = 'DELETE' then
    if current_setting('app.audit_retention', true) = 'on' and old.occurred_at < now() - interval '30 days' then
      return old;
    end if;
  end if;
  raise exception 'audit_events is append-only' using errcode = 'insufficient_privilege',
    hint = 'Nobody can change audit events. They are deleted after the time that docs/limits.md names.';
end $$;
comment on function private.refuse_audit_change() is
  'Trigger: refuses every update and delete, except that private.remove_old_audit_events may delete events older than 30 days.';

create function private.remove_old_audit_events(days integer, batch_size integer) returns integer
language plpgsql security definer set search_path = '' as $$
declare
  removed integer;
begin
  perform set_config('app.audit_retention', 'on', true);
  delete from public.audit_events event where event.id in (
    select e.id from public.audit_events e
    where e.occurred_at < now() - make_interval(days => greatest(remove_old_audit_events.days, 30))
    order by e.occurred_at limit batch_size);
  get diagnostics removed = row_count;
  perform set_config('app.audit_retention', '', true);
  return removed;
end $$;
comment on function private.remove_old_audit_events(integer, integer) is
  'Removes a batch of events that are older than the given number of days, never less than 30. Definer: nobody else may '
  'delete there.';

create function private.list_audit_events(
  credentials jsonb, project_id uuid, resource text, action text, page integer, page_size integer)
returns jsonb
language plpgsql set search_path = '' as $$
declare
  is_operator boolean;
  total bigint;
  items jsonb;
begin
  perform private.authorize_and_set_role(credentials, 'projects');
  perform private.require_project(project_id);
  is_operator := current_setting('app.user_role') = 'operator';
  perform set_config('role', 'service_role', true);
  select count(*) into total from public.audit_events e
  where e.project_id = list_audit_events.project_id
    and (list_audit_events.resource is null or e.resource = list_audit_events.resource)
    and (list_audit_events.action is null or e.action = list_audit_events.action);
  select coalesce(jsonb_agg(jsonb_build_object(
    'id', on_page.id, 'occurred_at', on_page.occurred_at, 'resource', on_page.resource, 'resource_id', on_page.resource_id,
    'action', on_page.action, 'changes', on_page.changes, 'actor_id', on_page.actor_id, 'actor_role',
    case on_page.actor_role when 'operator' then 'platform_operator' else on_page.actor_role end,
    -- A developer does not see an operator's address.
    'ip', case when is_operator or on_page.actor_role <> 'operator' then host(on_page.ip) end,
    'user_agent', case when is_operator or on_page.actor_role <> 'operator' then on_page.user_agent end,
    'request_id', on_page.request_id) order by on_page.id desc), '[]')
  into items
  from (
    select * from public.audit_events e
    where e.project_id = list_audit_events.project_id
      and (list_audit_events.resource is null or e.resource = list_audit_events.resource)
      and (list_audit_events.action is null or e.action = list_audit_events.action)
    order by e.id desc
    limit page_size offset (page - 1)::bigint * page_size
  ) as on_page;
  return jsonb_build_object('events', items, 'total', total, 'page', page, 'page_size', page_size);
end $$;
comment on function private.list_audit_events(jsonb, uuid, text, text, integer, integer) is
  'GET /projects/{id}/audit, newest first. Errors: project_not_found, those of private.authorize.';

create trigger audit_events_refuse before update or delete on public.audit_events
  for each row execute function private.refuse_audit_change();
create trigger audit_events_refuse_truncate before truncate on public.audit_events
  for each statement execute function private.refuse_audit_change();
create trigger users_audit after insert or update or delete on public.users
  for each row execute function private.record_audit('user');
create trigger projects_audit after insert or update or delete on public.projects
  for each row execute function private.record_audit('project');
create trigger api_keys_audit after insert or update or delete on public.api_keys
  for each row execute function private.record_audit('api_key');
create trigger developer_keys_audit after insert or update or delete on public.developer_keys
  for each row execute function private.record_audit('developer_key');
create trigger operator_keys_audit after insert or update or delete on public.operator_keys
  for each row execute function private.record_audit('operator_key');
create trigger plans_audit after insert or update or delete on public.plans
  for each row execute function private.record_audit('plan');

alter table public.audit_events enable row level security;

grant select on public.audit_events to service_role;
