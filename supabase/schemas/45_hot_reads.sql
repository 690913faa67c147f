-- Views for the most frequent reads: an account, a generation, a user's own list. The API reads them with one plain statement
-- (supabase/functions/api/clients/hot-reads.ts), which Postgres plans once per connection. A function costs more, because its
-- expressions are prepared again in every transaction. The `live_…` views have a row only for valid credentials; without a row
-- the API calls the complete function, which gives the reason. The `own_…` views belong to api_reader, so policies apply: they
-- show only rows of the caller that the statement has stored for the transaction.

do $$
begin
  -- A role may exist already, because it belongs to the whole server.
  if not exists (select from pg_catalog.pg_roles where rolname = 'api_reader') then
    create role api_reader nologin noinherit;
  end if;
  -- The creator of a role is not a member of it, and only members may change the owner of a view to it.
  execute format('grant api_reader to %I', current_user);
end $$;

create view private.live_end_users with (security_invoker = true) as
select s.id as session_id, u.id as user_id, p.id as project_id, p.owner_id, p.allowed_origins, plan.requests_per_day,
  plan.reads_per_minute
from auth.sessions s
join public.users u on u.id = s.user_id and u.role = 'end_user' and u.deactivated_at is null
join public.projects p on p.id = u.project_id and p.is_active and p.deleted_at is null
  and (p.email_verification = 'optional' or u.email_verified_at is not null)
join public.users owner on owner.id = p.owner_id and owner.deactivated_at is null
left join public.plans plan on plan.id = coalesce(p.plan_id, owner.plan_id)
where s.not_after > now();
comment on view private.live_end_users is
  'Valid sessions of end users whose account, project and project''s owner are active, with the plan. For hot reads.';

create view private.live_developer_keys with (security_invoker = true) as
select k.key_hash, k.user_id as owner_id, k.management from public.developer_keys k
where k.revoked_at is null and (k.grace_ends_at is null or k.grace_ends_at > now()) and (k.expires_at is null or k.expires_at > now());
comment on view private.live_developer_keys is 'Active developer keys. For hot reads.';

create view private.live_api_keys with (security_invoker = true) as
select k.key_hash, k.project_id from public.api_keys k
where k.revoked_at is null and (k.grace_ends_at is null or k.grace_ends_at > now()) and (k.expires_at is null or k.expires_at > now());
comment on view private.live_api_keys is 'Active API keys. For hot reads.';

create policy users_select_reader on public.users for select to api_reader
  using (id = nullif((select current_setting('app.user_id', true)), '')::uuid);
create policy generations_select_reader on public.generations for select to api_reader
  using (user_id = nullif((select current_setting('app.user_id', true)), '')::uuid
    and project_id = nullif((select current_setting('app.project_id', true)), '')::uuid);
grant select (id, email, full_name, role, deactivated_at, email_verified_at, created_at, project_id) on public.users to api_reader;
grant select (id, project_id, user_id, status, instructions, model, example_images, outputs, is_public, link_version, error,
  error_code, charge, created_at, updated_at, completed_at) on public.generations to api_reader;

create view private.own_accounts as
select u.id, (select row_to_json(item)::text from (select u.id, u.email, u.full_name, u.role, u.deactivated_at is null as is_active,
    u.email_verified_at is not null as is_verified,
    to_char(u.created_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as created_at, u.project_id) as item) as item
from public.users u;
comment on view private.own_accounts is
  'The account that is stored for the transaction. item is an end user in the form of the API.';

create view private.own_generations as
select g.id, g.project_id, g.user_id, g.created_at,
  (select row_to_json(item) from (select g.id, g.status, g.instructions, g.model, g.example_images, g.outputs, g.is_public,
    g.link_version, g.error, g.error_code, g.charge <> 'refunded' as charged, g.created_at, g.updated_at, g.completed_at) as item) as item
from public.generations g;
comment on view private.own_generations is
  'Generations of the account and project that are stored for the transaction. item is as in private.generation_items.';

-- The new owner of a view must have the right to create in its schema.
grant create on schema private to api_reader;
alter view private.own_accounts owner to api_reader;
alter view private.own_generations owner to api_reader;
revoke create on schema private from api_reader;
