-- Supabase Auth stores passwords, and a stolen token can call its own endpoints. So these endpoints cannot change an account's
-- address, and a password changes only after the API has announced it.

create table private.password_permits (
  user_id uuid primary key references public.users (id) on delete cascade,
  keep_session_id uuid,
  expires_at timestamptz not null,
  token_digest bytea,
  changed_at timestamptz
);
create index password_permits_expires_at on private.password_permits (expires_at);

comment on table private.password_permits is
  'Password changes that the API has announced to the trigger on auth.users. Each row allows one change.';
comment on column private.password_permits.user_id is 'The account whose password may change.';
comment on column private.password_permits.keep_session_id is
  'The session that continues after the change; null ends all sessions.';
comment on column private.password_permits.expires_at is 'A minute after the announcement, or the time of the change.';
comment on column private.password_permits.changed_at is
  'When the password was last changed, kept for an hour. A sign-in that began earlier has checked the old password.';
comment on column private.password_permits.token_digest is
  'The reset token that requested the change and is used by it. Null if the owner requested it.';

create function private.permit_password(user_id uuid, keep uuid, token_digest bytea default null) returns void
language plpgsql set search_path = '' as $$
#variable_conflict use_column
begin
  insert into private.password_permits as permit (user_id, keep_session_id, expires_at, token_digest)
  values (permit_password.user_id, keep, now() + interval '1 minute', permit_password.token_digest)
  on conflict (user_id) do update
    set keep_session_id = excluded.keep_session_id, expires_at = excluded.expires_at, token_digest = excluded.token_digest
    where permit.expires_at <= now();
  if not found then
    raise exception 'password_change_running';
  end if;
end $$;
comment on function private.permit_password(uuid, uuid, bytea) is
  'Announces one change of an account''s password, the session that continues, and the reset token, if any. Errors: '
  'password_change_running.';

create function private.withdraw_password_permit(credentials jsonb) returns void
language plpgsql set search_path = '' as $$
begin
  perform set_config('role', 'service_role', true);
  delete from private.password_permits p
  where p.user_id = (credentials ->> 'user_id')::uuid and p.keep_session_id = (credentials ->> 'session_id')::uuid
    and p.token_digest is null and p.expires_at > now();
end $$;
comment on function private.withdraw_password_permit(jsonb) is
  'Removes the announcement after Auth did not change the caller''s password, so that the caller can try again at once.';

create function private.finish_password_change(account public.users, permit private.password_permits) returns void
language plpgsql set search_path = '' as $$
begin
  -- Ends earlier reset links, and a change of address that was requested with the old password.
  perform private.use_mail_tokens(account.id, 'password_reset');
  delete from private.email_changes change where change.user_id = account.id;
  -- Sessions before counts, as a sign-in does. Otherwise the two could deadlock.
  perform private.end_user_sessions(account.id, permit.keep_session_id);
  if permit.token_digest is not null then
    if exists (select from private.mail_tokens t where t.digest = permit.token_digest and t.email = account.email) then
      perform private.verify_account(account);
    end if;
    delete from private.auth_attempts a where a.bucket = private.bucket_name('sign-in-account',
      coalesce(account.project_id::text, '') || ':' || account.email_fold);
  end if;
  perform private.send_notice(account.id, 'password_changed');
end $$;
comment on function private.finish_password_change(public.users, private.password_permits) is
  'Applies the effects of a new password. A reset also verifies the address, because its token came by mail.';

create function private.check_auth_user_update() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  account public.users;
  permit private.password_permits;
begin
  -- Locked before the permit, in the same order as an announcement. Otherwise the two could deadlock.
  select * into account from public.users u where u.id = new.id for update;
  if account.id is null then
    return new;
  end if;
  if old.deleted_at is null and new.deleted_at is not null then
    -- A soft deletion in Studio: Auth scrambles the address, and the account is deactivated.
    update public.users u set deactivated_at = coalesce(u.deactivated_at, now()) where u.id = new.id;
    return new;
  end if;
  if (coalesce(new.email_change, '') not in ('', coalesce(old.email_change, '')))
    or (coalesce(new.phone, '') not in ('', coalesce(old.phone, '')))
    or (new.email is distinct from old.email and new.email is distinct from private.auth_email(account)
      and not private.finish_email_change(account, new.email))
  then
    raise exception 'the address of an account is fixed' using errcode = 'insufficient_privilege',
      hint = 'The owner asks for another address with POST /api/v1/auth/change-email.';
  end if;
  if new.encrypted_password is distinct from old.encrypted_password then
    update private.password_permits p set expires_at = now(), changed_at = clock_timestamp()
    where p.user_id = new.id and p.expires_at > now()
    returning p.* into permit;
    if not found then
      raise exception 'the API has not announced this change of a password' using errcode = 'insufficient_privilege',
        hint = 'Let the person ask for a reset: POST /api/v1/auth/request-password-reset sends the mail.';
    end if;
    perform private.finish_password_change(account, permit);
  end if;
  return new;
end $$;
comment on function private.check_auth_user_update() is
  'Trigger: refuses a new address or password from Auth''s own endpoints. An announced password ends the other sessions and '
  'mails the owner, in the same transaction. A soft deletion deactivates the account. Definer: Auth''s role may not use our '
  'tables.';

create function private.decoy_email() returns text
language plpgsql immutable set search_path = '' as $$
begin
  return 'decoy@unknown.users.invalid';
end $$;
comment on function private.decoy_email() is
  'The address of a user of Auth without an account. Sign-ins with unknown addresses try its password, so that they take as long.';

create function private.decoy_exists() returns boolean
language plpgsql stable security definer set search_path = '' as $$
begin
  return exists (select from auth.users u where u.email = private.decoy_email());
end $$;
comment on function private.decoy_exists() is
  'Whether the decoy user exists at Auth. Definer: only the owner reads auth.users.';

create function private.begin_login(credentials jsonb, email text, ip text) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_project uuid := (credentials ->> 'project_id')::uuid;
  account public.users;
begin
  perform private.authorize_and_set_role(credentials, 'public');
  perform set_config('role', 'service_role', true);
  perform private.count_sign_in(v_project, begin_login.email, begin_login.ip);
  select * into account from public.users u
  where u.project_id is not distinct from v_project and u.email_fold = private.fold_email(begin_login.email);
  return jsonb_build_object(
    'auth_email', coalesce(private.auth_email(account), private.decoy_email()),
    'is_known', account.id is not null,
    'decoy_exists', account.id is not null or private.decoy_exists(),
    'password_changed_at', (select p.changed_at from private.password_permits p where p.user_id = account.id));
end $$;
comment on function private.begin_login(jsonb, text, text) is
  'The address for the sign-in at Supabase Auth. For an unknown account it is the decoy''s. private.open_session compares '
  'password_changed_at. Errors: attempts_exceeded (detail: seconds to wait), those of private.authorize.';

create function private.begin_password_check(credentials jsonb, ip text) returns jsonb
language plpgsql set search_path = '' as $$
declare
  actor uuid := private.authorize_session(credentials);
  account public.users;
begin
  select * into account from public.users u where u.id = actor;
  perform private.count_sign_in(account.project_id, account.email, begin_password_check.ip);
  return jsonb_build_object('auth_email', private.auth_email(account));
end $$;
comment on function private.begin_password_check(jsonb, text) is
  'Begins a check of the caller''s password: returns the address for the sign-in at Auth. Errors: attempts_exceeded, those of '
  'private.authorize_session.';

create function private.finish_password_check(credentials jsonb, proof_session_id uuid, ip text, permit boolean) returns jsonb
language plpgsql set search_path = '' as $$
declare
  actor uuid := private.authorize_session(credentials);
  account public.users;
begin
  -- Locked before the session, as a change of the password does. Otherwise the two could deadlock.
  select * into account from public.users u where u.id = actor for no key update;
  if not private.end_user_session(actor, proof_session_id) then
    raise exception 'wrong_password';
  end if;
  perform private.forget_sign_ins(account.project_id, account.email, finish_password_check.ip);
  if permit then
    begin
      perform private.permit_password(actor, (credentials ->> 'session_id')::uuid);
    exception when raise_exception then
      return jsonb_build_object('refusal', sqlerrm);
    end;
  end if;
  return jsonb_build_object('refusal', null);
end $$;
comment on function private.finish_password_check(jsonb, uuid, text, boolean) is
  'After a correct password: ends the session of the check, and announces a change if permit is true. The refusal is returned, '
  'because an exception would restore that session. Errors: wrong_password, those of private.authorize_session.';

create function private.check_auth_user_metadata() returns trigger
language plpgsql set search_path = '' as $$
begin
  if octet_length(new.raw_user_meta_data::text) > 4096 then
    raise exception 'user metadata has at most 4096 bytes: every access token carries it' using errcode = 'check_violation';
  end if;
  return new;
end $$;
comment on function private.check_auth_user_metadata() is
  'Trigger: limits the metadata that a person writes at Auth, because every token contains it.';

create trigger users_check_metadata before insert or update of raw_user_meta_data on auth.users
  for each row execute function private.check_auth_user_metadata();
create trigger users_check_account before update of email, email_change, phone, encrypted_password on auth.users
  for each row execute function private.check_auth_user_update();

alter table private.password_permits enable row level security;

grant select, insert, update, delete on private.password_permits to service_role;
grant execute on function
  private.permit_password(uuid, uuid, bytea),
  private.decoy_email(),
  private.decoy_exists()
to service_role;
