-- Transfers of projects: the owner offers a project to an address. The developer who has verified that address accepts it.

create table public.project_transfers (
  id uuid primary key default gen_random_uuid(),
  project_id uuid not null unique references public.projects (id) on delete cascade,
  owner_id uuid not null references public.users (id) on delete cascade,
  email text not null constraint project_transfers_email_length check (length(email) between 3 and 320),
  email_fold text not null generated always as (private.fold_email(email)) stored,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null
);
create index project_transfers_owner_id on public.project_transfers (owner_id);
create index project_transfers_email on public.project_transfers (email_fold);
create index project_transfers_expires_at on public.project_transfers (expires_at);

comment on table public.project_transfers is
  'Offers of projects, one per project. The developer with the address accepts or declines.';
comment on column public.project_transfers.id is 'Identifies the offer in the audit trail.';
comment on column public.project_transfers.project_id is 'The offered project.';
comment on column public.project_transfers.email is
  'The receiver''s address, which the receiver must have verified. There may be no such developer yet.';
comment on column public.project_transfers.email_fold is 'The lower-case form of the address, for comparisons.';
comment on column public.project_transfers.created_at is 'When it was offered.';
comment on column public.project_transfers.expires_at is 'When the offer expires.';
comment on column public.project_transfers.owner_id is 'The owner who made the offer. The offer of an earlier owner is void.';

create function private.actor_address() returns text
language plpgsql stable security definer set search_path = '' as $$
begin
  return (select u.email_fold from public.users u
    where u.id = private.actor_id() and u.role <> 'end_user' and u.email_verified_at is not null);
end $$;
comment on function private.actor_address() is
  'The verified address of the caller if it is a developer or operator, else null. Definer: users has its own policies.';

create function private.project_transfer_json(transfer public.project_transfers) returns jsonb
language plpgsql stable set search_path = '' as $$
begin
  return (
    select jsonb_build_object('project_id', project.id, 'project_name', project.name, 'email', transfer.email,
      'owner_email', owner.email, 'created_at', transfer.created_at, 'expires_at', transfer.expires_at)
    from public.projects project join public.users owner on owner.id = project.owner_id
    where project.id = transfer.project_id and project.owner_id = transfer.owner_id and project.deleted_at is null
      and transfer.expires_at > now()
  );
end $$;
comment on function private.project_transfer_json(public.project_transfers) is
  'An offer in the form of the API; null if it is void. For service_role, because the receiver cannot read the project or its '
  'owner yet.';

create function private.require_project_transfer(id uuid) returns public.project_transfers
language plpgsql set search_path = '' as $$
declare
  transfer public.project_transfers;
begin
  -- Row-level security shows it to the project's owner and to the receiver.
  select t.* into transfer from public.project_transfers t where t.project_id = require_project_transfer.id;
  perform set_config('role', 'service_role', true);
  if private.project_transfer_json(transfer) is null then
    raise exception 'transfer_not_found';
  end if;
  return transfer;
end $$;
comment on function private.require_project_transfer(uuid) is
  'The open offer of a project if the caller can see it, else transfer_not_found. Continues as service_role.';

create function private.offer_project(credentials jsonb, id uuid, email text) returns jsonb
language plpgsql set search_path = '' as $$
declare
  actor uuid := private.authorize_developer(credentials);
  project public.projects;
  made public.project_transfers;
  wait integer;
begin
  select p.* into project from public.projects p
  where p.id = offer_project.id and p.deleted_at is null
    and (p.owner_id = actor or current_setting('app.user_role') = 'operator') for update;
  if project.id is null then
    raise exception 'project_not_found';
  end if;
  if exists (select from public.users u where u.id = project.owner_id and u.email_fold = private.fold_email(offer_project.email)) then
    raise exception 'transfer_to_owner';
  end if;
  -- An owner can create and delete projects, so offers are counted per owner too.
  wait := private.fill_bucket(private.bucket_name('project_offers', project.owner_id::text), 20, 600);
  if wait = 0 then
    wait := private.count_mail('project_offered', project.id::text);
  end if;
  if wait > 0 then
    raise exception 'mail_limit_exceeded' using detail = jsonb_build_object('retry_after_seconds', wait);
  end if;
  delete from public.project_transfers t where t.project_id = project.id;
  insert into public.project_transfers (project_id, owner_id, email, expires_at)
  values (project.id, project.owner_id, offer_project.email, now() + interval '7 days')
  returning * into made;
  -- No answer reveals whether there is such a developer.
  insert into private.mail_outbox (user_id, kind, details) values (
    (select u.id from public.users u where u.project_id is null and u.email_fold = private.fold_email(offer_project.email)
      and u.deactivated_at is null),
    'project_offered', jsonb_build_object('project_name', project.name,
      'owner_email', (select u.email from public.users u where u.id = project.owner_id)));
  return private.project_transfer_json(made);
end $$;
comment on function private.offer_project(jsonb, uuid, text) is
  'POST /projects/{id}/transfer, after the check of the password. Replaces an earlier offer. Errors: project_not_found, '
  'transfer_to_owner, mail_limit_exceeded, those of private.authorize_developer.';

create function private.list_project_transfers(credentials jsonb) returns jsonb
language plpgsql set search_path = '' as $$
declare
  offered uuid[];
begin
  perform private.authorize_and_set_role(credentials, 'projects');
  offered := array(select t.id from public.project_transfers t where t.email_fold = (select private.actor_address()));
  perform set_config('role', 'service_role', true);
  return (
    select coalesce(jsonb_agg(private.project_transfer_json(t) order by t.created_at desc, t.id desc), '[]')
    from public.project_transfers t
    where t.id = any (offered) and private.project_transfer_json(t) is not null
  );
end $$;
comment on function private.list_project_transfers(jsonb) is
  'GET /projects/transfers: offers to the caller, newest first. Errors: those of private.authorize.';

create function private.get_project_transfer(credentials jsonb, id uuid) returns jsonb
language plpgsql set search_path = '' as $$
declare
  transfer public.project_transfers;
begin
  perform private.authorize_and_set_role(credentials, 'projects');
  transfer := private.require_project_transfer(get_project_transfer.id);
  return private.project_transfer_json(transfer);
end $$;
comment on function private.get_project_transfer(jsonb, uuid) is
  'GET /projects/{id}/transfer. Errors: transfer_not_found, those of private.authorize.';

create function private.end_project_transfer(credentials jsonb, id uuid) returns void
language plpgsql set search_path = '' as $$
declare
  transfer public.project_transfers;
begin
  perform private.authorize_and_set_role(credentials, 'projects');
  transfer := private.require_project_transfer(end_project_transfer.id);
  delete from public.project_transfers t where t.id = transfer.id;
  if not found then
    raise exception 'transfer_not_found';
  end if;
end $$;
comment on function private.end_project_transfer(jsonb, uuid) is
  'DELETE /projects/{id}/transfer: its owner withdraws it, or the receiver declines. Errors: transfer_not_found, those of '
  'private.authorize.';

create function private.accept_project(credentials jsonb, id uuid) returns jsonb
language plpgsql set search_path = '' as $$
declare
  actor uuid := private.authorize_developer(credentials);
  address text := private.actor_address();
  allowed integer;
  transfer public.project_transfers;
  project public.projects;
begin
  -- The same lock as for a create, so that the count below is correct.
  select plan.projects into allowed
  from public.users account left join public.plans plan on plan.id = account.plan_id
  where account.id = actor for update of account;
  select p.* into project from public.projects p where p.id = accept_project.id and p.deleted_at is null for update;
  select t.* into transfer from public.project_transfers t
  where t.project_id = project.id and t.owner_id = project.owner_id and t.expires_at > now() and t.email_fold = address;
  if transfer.id is null then
    raise exception 'transfer_not_found';
  end if;
  if private.count_projects(actor) >= allowed then
    raise exception 'project_limit_reached';
  end if;
  -- The old owner knows these keys and secrets, and got the project's own plan. Webhooks, pages and the logo of mails are on the
  -- old owner's servers. Events contain people's data, and a reset link gives access to an account.
  update public.api_keys k set revoked_at = now() where k.project_id = project.id and k.revoked_at is null;
  update public.webhooks w set is_active = false where w.project_id = project.id and w.is_active;
  update public.projects p set owner_id = actor, plan_id = null, site_url = null, verify_url = null, reset_url = null,
    mail = p.mail || '{"logo_url": null, "footer": null}'
  where p.id = project.id returning p.* into project;
  delete from public.project_transfers t where t.id = transfer.id;
  insert into private.mail_outbox (user_id, kind, details)
  values (transfer.owner_id, 'project_transferred', jsonb_build_object('project_name', project.name));
  return private.project_json(project);
end $$;
comment on function private.accept_project(jsonb, uuid) is
  'POST /projects/{id}/transfer/accept: makes the caller the owner, under the caller''s plan. Revokes the API keys, disables '
  'the webhooks, and clears site_url, verify_url, reset_url, and the logo and footer of mails. Errors: transfer_not_found, '
  'project_limit_reached, those of private.authorize_developer.';

create trigger project_transfers_audit after insert or update or delete on public.project_transfers
  for each row execute function private.record_audit('project_transfer');

alter table public.project_transfers enable row level security;
create policy project_transfers_select_party on public.project_transfers for select to authenticated
  using (project_id = any ((select private.managed_project_ids())::uuid[])
    or (email_fold = (select private.actor_address()) and expires_at > now()));

grant select on public.project_transfers to authenticated;
grant select, insert, update, delete on public.project_transfers to service_role;
grant execute on function
  private.actor_address(),
  private.require_project_transfer(uuid)
to authenticated, service_role;
grant execute on function private.project_transfer_json(public.project_transfers) to service_role;
