-- The mail outbox. A row has a recipient and a kind, never a token: tokens are made when the mail is sent. Rows without an
-- account are never sent. They exist so that unknown addresses cost as much as known ones.

create table private.mail_outbox (
  id uuid primary key default gen_random_uuid(),
  user_id uuid references public.users (id) on delete cascade,
  kind text not null constraint mail_outbox_kind
    check (kind in (
    'verification', 'password_reset', 'password_changed', 'key_created', 'email_change', 'email_change_asked',
    'email_changed', 'project_offered', 'project_transferred', 'mail_test')),
  details jsonb not null default '{}' constraint mail_outbox_details_object check (jsonb_typeof(details) = 'object'),
  attempts integer not null default 0,
  next_attempt_at timestamptz not null default now(),
  last_error text constraint mail_outbox_last_error_length check (length(last_error) <= 500),
  created_at timestamptz not null default now()
);
create index mail_outbox_due on private.mail_outbox (next_attempt_at);
create index mail_outbox_user_id on private.mail_outbox (user_id);
create index mail_outbox_created_at on private.mail_outbox (created_at);

comment on table private.mail_outbox is
  'Mail that was not sent yet. A row is deleted when its mail was accepted, or after a day of failures.';
comment on column private.mail_outbox.id is 'Also part of the idempotency key for the mail service.';
comment on column private.mail_outbox.user_id is 'The recipient; null for an unknown address.';
comment on column private.mail_outbox.kind is 'The kind of mail, which decides its text.';
comment on column private.mail_outbox.details is
  'Further values of the text, such as {"name", "key_prefix"} of a key. "to" is the address if it is not the account''s.';
comment on column private.mail_outbox.attempts is 'The number of claims.';
comment on column private.mail_outbox.next_attempt_at is
  'When it may be claimed. A claim moves this time forward, so a killed process loses nothing.';
comment on column private.mail_outbox.last_error is 'Why the last attempt failed, without addresses or tokens.';
comment on column private.mail_outbox.created_at is 'When it was requested. After a day of failures it is deleted.';

create function private.claim_mail(batch_size integer) returns jsonb
language plpgsql set search_path = '' as $$
declare
  claimed jsonb;
begin
  perform set_config('role', 'service_role', true);
  -- Of several waiting mails with the same content, only the newest is kept.
  delete from private.mail_outbox old using private.mail_outbox newer
  where old.kind in ('verification', 'password_reset', 'email_change') and newer.user_id = old.user_id
    and newer.kind = old.kind
    and (newer.created_at, newer.id) > (old.created_at, old.id) and old.next_attempt_at <= now();
  with due as (
    select m.id from private.mail_outbox m
    where m.next_attempt_at <= now()
    order by m.next_attempt_at
    limit batch_size
    for update skip locked
  ), taken as (
    update private.mail_outbox m set attempts = m.attempts + 1, next_attempt_at = now() + interval '2 minutes'
    from due where m.id = due.id
    returning m.id, m.user_id, m.kind, m.details, m.attempts, m.created_at
  )
  select coalesce(jsonb_agg(jsonb_build_object(
    'id', taken.id, 'kind', taken.kind, 'details', taken.details, 'attempts', taken.attempts, 'created_at', taken.created_at,
    'recipient', case when account.id is not null and account.deactivated_at is null then jsonb_build_object(
      'user_id', account.id, 'email', coalesce(taken.details ->> 'to', account.email), 'full_name', account.full_name,
      'is_verified', account.email_verified_at is not null) end,
    'project', case when project.id is not null then jsonb_build_object('id', project.id, 'name', project.name,
      'site_url', project.site_url, 'verify_url', project.verify_url, 'reset_url', project.reset_url,
      'mail', coalesce(taken.details -> 'mail', project.mail)) end)), '[]')
  into claimed
  from taken
  left join public.users account on account.id = taken.user_id
  left join public.projects project on project.id = coalesce((taken.details ->> 'project_id')::uuid, account.project_id);
  return claimed;
end $$;
comment on function private.claim_mail(integer) is
  'Claims mail that is due, each row for one caller for two minutes. Returns [{id, kind, details, attempts, created_at, '
  'recipient: {user_id, email, full_name, is_verified} | null, project: {id, name, site_url, verify_url, reset_url, mail} | '
  'null}]. The project is the sender; null is the platform.';

create function private.finish_mail(id uuid) returns void
language plpgsql set search_path = '' as $$
begin
  perform set_config('role', 'service_role', true);
  delete from private.mail_outbox m where m.id = finish_mail.id;
end $$;
comment on function private.finish_mail(uuid) is 'Deletes a mail that was accepted or is obsolete.';

create function private.retry_mail(id uuid, wait_seconds integer, error text) returns void
language plpgsql set search_path = '' as $$
begin
  perform set_config('role', 'service_role', true);
  update private.mail_outbox m
  set next_attempt_at = now() + make_interval(secs => wait_seconds), last_error = left(retry_mail.error, 500)
  where m.id = retry_mail.id;
end $$;
comment on function private.retry_mail(uuid, integer, text) is 'Makes a failed mail due again after the wait.';

create function private.request_mail(wanted uuid, kind text, bucket_subject text) returns integer
language plpgsql set search_path = '' as $$
declare
  wait integer := private.count_mail(request_mail.kind, request_mail.bucket_subject);
begin
  if wait = 0 then
    -- A row without a recipient is written too, so that an unknown address takes the same time.
    insert into private.mail_outbox (user_id, kind) values (request_mail.wanted, request_mail.kind);
  end if;
  return wait;
end $$;
comment on function private.request_mail(uuid, text, text) is
  'Requests a mail to an account, or to nobody (null). Returns 0, or the seconds to wait.';

create function private.send_notice(user_id uuid, kind text, details jsonb default '{}') returns void
language plpgsql set search_path = '' as $$
begin
  -- Without this limit, repeated changes could fill another person's mailbox, because the account may have that person's address.
  if private.fill_bucket(private.bucket_name('notice:' || send_notice.kind, send_notice.user_id::text), 10, 600) = 0 then
    insert into private.mail_outbox (user_id, kind, details) values (send_notice.user_id, send_notice.kind, send_notice.details);
  end if;
end $$;
comment on function private.send_notice(uuid, text, jsonb) is
  'Mails an account about a change to it: a burst of ten mails per kind, then one in ten minutes.';

create function private.send_mail_test(credentials jsonb, id uuid, sample text, mail jsonb) returns text
language plpgsql set search_path = '' as $$
declare
  project public.projects;
  account public.users;
  wait integer;
begin
  perform private.authorize_and_set_role(credentials, 'projects');
  project := private.require_project(send_mail_test.id);
  perform set_config('role', 'service_role', true);
  select u.* into account from public.users u where u.id = private.actor_id();
  if account.email_verified_at is null then
    raise exception 'account_not_verified';
  end if;
  wait := private.count_mail('mail_test', account.id::text);
  if wait > 0 then
    raise exception 'mail_limit_exceeded' using detail = jsonb_build_object('retry_after_seconds', wait);
  end if;
  insert into private.mail_outbox (user_id, kind, details) values (account.id, 'mail_test', jsonb_build_object(
    'project_id', project.id, 'sample', send_mail_test.sample, 'mail', project.mail || send_mail_test.mail));
  return account.email;
end $$;
comment on function private.send_mail_test(jsonb, uuid, text, jsonb) is
  'POST /projects/{id}/mail/test: sends the caller a sample mail of the project, with these settings instead of its own. '
  'Returns the address. Errors: project_not_found, account_not_verified, mail_limit_exceeded, those of private.authorize.';

create function private.on_user_created() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  -- The first mail counts, so that an immediate request does not send a second one.
  perform private.count_mail('verification', new.id::text);
  insert into private.mail_outbox (user_id, kind) values (new.id, 'verification');
  return null;
end $$;
comment on function private.on_user_created() is
  'Trigger: queues the verification mail of a new account, in the same transaction. Definer: any role may create the account.';

create function private.on_api_key_created() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform private.send_notice(p.owner_id, 'key_created',
    jsonb_build_object('name', new.name, 'key_prefix', new.key_prefix, 'project_name', p.name))
  from public.projects p
  -- No mail for the key that is created with its project.
  where p.id = new.project_id and p.created_at < now();
  return null;
end $$;
comment on function private.on_api_key_created() is
  'Trigger: mails the owner of a project about a new API key. Definer: the caller may have no rights to the outbox.';

create trigger users_created after insert on public.users
  for each row when (new.email_verified_at is null) execute function private.on_user_created();
create trigger api_keys_created after insert on public.api_keys
  for each row execute function private.on_api_key_created();

alter table private.mail_outbox enable row level security;

grant select, insert, update, delete on private.mail_outbox to service_role;
grant execute on function
  private.request_mail(uuid, text, text),
  private.send_notice(uuid, text, jsonb)
to service_role;
