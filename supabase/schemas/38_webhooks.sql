-- Addresses of a developer's server that receive the events of a project. Triggers write each event into the log, in the
-- transaction of the change, so none is lost. The API signs and sends waiting events. Accounts and generations are read at that
-- time, so the log keeps no personal data.

create table public.webhooks (
  id uuid primary key default gen_random_uuid(),
  project_id uuid not null references public.projects (id) on delete cascade,
  url text not null constraint webhooks_url_length check (length(url) <= 2048),
  description text constraint webhooks_description_length check (length(description) <= 255),
  events text[] not null constraint webhooks_events_known check (cardinality(events) > 0 and events <@ array[
    'generation.completed', 'generation.failed', 'generation.canceled',
    'user.created', 'user.verified', 'user.deleted', 'quota.reached']),
  secret text not null,
  previous_secret text,
  previous_secret_ends_at timestamptz,
  is_active boolean not null default true,
  failing_since timestamptz,
  disabled_at timestamptz constraint webhooks_disabled_is_inactive check (disabled_at is null or not is_active),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index webhooks_project_id on public.webhooks (project_id, created_at desc);

comment on table public.webhooks is 'Addresses that receive the events of a project.';
comment on column public.webhooks.id is 'Identifies the webhook in the API.';
comment on column public.webhooks.project_id is 'The project whose events are sent.';
comment on column public.webhooks.url is 'The URL to which events are POSTed.';
comment on column public.webhooks.description is 'Chosen by the developer.';
comment on column public.webhooks.events is 'The kinds of events that are sent.';
comment on column public.webhooks.secret is 'Signs every delivery (whsec_…). Only service_role may read it.';
comment on column public.webhooks.previous_secret is 'Also signs until previous_secret_ends_at. Only service_role may read it.';
comment on column public.webhooks.previous_secret_ends_at is 'Set by a rotation.';
comment on column public.webhooks.is_active is 'If false, new events are not recorded and waiting ones are not sent.';
comment on column public.webhooks.failing_since is 'The first failure since the last success, else null.';
comment on column public.webhooks.disabled_at is
  'When it was disabled because it failed for three days or answered 410, else null.';
comment on column public.webhooks.created_at is 'When it was made.';
comment on column public.webhooks.updated_at is 'When it last changed.';

create function private.webhook_json(webhook jsonb) returns jsonb
language plpgsql stable set search_path = '' as $$
begin
  return webhook - '{project_id,secret,previous_secret,previous_secret_ends_at}'::text[];
end $$;
comment on function private.webhook_json(jsonb) is 'A webhook as the API shows it, without its secrets.';

create function private.require_webhook(project_id uuid, webhook_id uuid) returns void
language plpgsql stable set search_path = '' as $$
begin
  perform private.require_project(project_id);
  if not exists (select from public.webhooks w
    where w.id = require_webhook.webhook_id and w.project_id = require_webhook.project_id)
  then
    raise exception 'webhook_not_found';
  end if;
end $$;
comment on function private.require_webhook(uuid, uuid) is
  'Passes if row-level security shows the caller this webhook of this project. Errors: project_not_found, webhook_not_found.';

create function private.create_webhook(credentials jsonb, project_id uuid, webhook jsonb) returns jsonb
language plpgsql set search_path = '' as $$
declare
  created public.webhooks;
begin
  perform private.authorize_and_set_role(credentials, 'projects');
  perform set_config('role', 'service_role', true);
  -- The lock makes creates in one project take turns, so the count below is correct.
  perform private.hold_managed_project(project_id);
  if (select count(*) from public.webhooks w where w.project_id = create_webhook.project_id) >= 10 then
    raise exception 'webhook_limit_reached';
  end if;
  insert into public.webhooks (project_id, url, description, events, secret)
  values (create_webhook.project_id, webhook ->> 'url', webhook ->> 'description',
    array(select jsonb_array_elements_text(webhook -> 'events')), webhook ->> 'secret')
  returning * into created;
  return private.webhook_json(to_jsonb(created));
end $$;
comment on function private.create_webhook(jsonb, uuid, jsonb) is
  'POST /projects/{id}/webhooks. Errors: project_not_found, webhook_limit_reached, those of private.authorize.';

create function private.list_webhooks(credentials jsonb, project_id uuid) returns jsonb
language plpgsql set search_path = '' as $$
begin
  perform private.authorize_and_set_role(credentials, 'projects');
  perform private.require_project(project_id);
  return (
    select coalesce(jsonb_agg(to_jsonb(shown) order by shown.created_at desc, shown.id desc), '[]')
    from (
      select id, url, description, events, is_active, failing_since, disabled_at, created_at, updated_at
      from public.webhooks w where w.project_id = list_webhooks.project_id
    ) as shown
  );
end $$;
comment on function private.list_webhooks(jsonb, uuid) is
  'GET /projects/{id}/webhooks, newest first. Errors: project_not_found, those of private.authorize.';

create function private.update_webhook(credentials jsonb, project_id uuid, webhook_id uuid, changes jsonb) returns jsonb
language plpgsql set search_path = '' as $$
declare
  changed public.webhooks;
begin
  perform private.authorize_and_set_role(credentials, 'projects');
  perform private.require_webhook(project_id, webhook_id);
  perform set_config('role', 'service_role', true);
  perform private.hold_managed_project(project_id);
  update public.webhooks w
  set url = coalesce(changes ->> 'url', w.url),
    description = case when changes ? 'description' then changes ->> 'description' else w.description end,
    events = case when jsonb_typeof(changes -> 'events') = 'array'
      then array(select jsonb_array_elements_text(changes -> 'events')) else w.events end,
    is_active = coalesce((changes ->> 'is_active')::boolean, w.is_active),
    -- Activating it again starts a new period of three days.
    failing_since = case when (changes ->> 'is_active')::boolean then null else w.failing_since end,
    disabled_at = case when (changes ->> 'is_active')::boolean then null else w.disabled_at end
  where w.id = update_webhook.webhook_id
  returning * into changed;
  return private.webhook_json(to_jsonb(changed));
end $$;
comment on function private.update_webhook(jsonb, uuid, uuid, jsonb) is
  'PATCH /projects/{id}/webhooks/{webhook_id}: fields that are not named stay. Errors: project_not_found, webhook_not_found, '
  'those of private.authorize.';

create function private.rotate_webhook_secret(
  credentials jsonb, project_id uuid, webhook_id uuid, secret text, grace_seconds integer) returns jsonb
language plpgsql set search_path = '' as $$
declare
  changed public.webhooks;
begin
  perform private.authorize_and_set_role(credentials, 'projects');
  perform private.require_webhook(project_id, webhook_id);
  perform set_config('role', 'service_role', true);
  perform private.hold_managed_project(project_id);
  update public.webhooks w
  set secret = rotate_webhook_secret.secret, previous_secret = case when grace_seconds > 0 then w.secret end,
    previous_secret_ends_at = case when grace_seconds > 0 then now() + make_interval(secs => grace_seconds) end
  where w.id = rotate_webhook_secret.webhook_id
  returning * into changed;
  return private.webhook_json(to_jsonb(changed));
end $$;
comment on function private.rotate_webhook_secret(jsonb, uuid, uuid, text, integer) is
  'POST …/webhooks/{webhook_id}/rotate: the old secret also signs deliveries until its grace period ends. Errors: '
  'project_not_found, webhook_not_found, those of private.authorize.';

create function private.delete_webhook(credentials jsonb, project_id uuid, webhook_id uuid) returns void
language plpgsql set search_path = '' as $$
begin
  perform private.authorize_and_set_role(credentials, 'projects');
  perform private.require_webhook(project_id, webhook_id);
  perform set_config('role', 'service_role', true);
  delete from public.webhooks w where w.id = delete_webhook.webhook_id;
end $$;
comment on function private.delete_webhook(jsonb, uuid, uuid) is
  'DELETE …/webhooks/{webhook_id}, with its log and its waiting events. Errors: project_not_found, webhook_not_found, those of '
  'private.authorize.';

create trigger webhooks_touch before update on public.webhooks
  for each row execute function private.touch_updated_at();
create trigger webhooks_audit after insert or update or delete on public.webhooks
  for each row execute function private.record_audit('webhook');

alter table public.webhooks enable row level security;
create policy webhooks_select_owner on public.webhooks for select to authenticated
  using (project_id = any ((select private.managed_project_ids())::uuid[]));

grant select (id, project_id, url, description, events, is_active, failing_since, disabled_at, created_at, updated_at)
  on public.webhooks to authenticated;
grant select, insert, update, delete on public.webhooks to service_role;
grant execute on function private.require_webhook(uuid, uuid) to authenticated, service_role;
grant execute on function private.webhook_json(jsonb) to service_role;
