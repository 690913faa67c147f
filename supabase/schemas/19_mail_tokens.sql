-- Tokens in mails, which verify an address or set a new password. They are random and stored as digests. Supabase Auth neither
-- creates nor gets them. Unknown addresses get the same answers as known ones.

create table private.mail_tokens (
  digest bytea primary key constraint mail_tokens_digest_length check (length(digest) = 32),
  user_id uuid not null references public.users (id) on delete cascade,
  purpose text not null constraint mail_tokens_purpose
    check (purpose in ('verification', 'password_reset', 'email_change')),
  email text not null,
  code_digest bytea constraint mail_tokens_code_digest_length check (length(code_digest) = 32),
  code_tries integer not null default 0,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  used_at timestamptz,
  constraint mail_tokens_code_verifies check (code_digest is null or purpose = 'verification')
);
create index mail_tokens_user_id on private.mail_tokens (user_id, purpose);
create index mail_tokens_expires_at on private.mail_tokens (expires_at);

comment on table private.mail_tokens is
  'Mailed tokens: account, purpose and expiry. A mail adds a token and replaces none, so a stranger''s request cannot end an '
  'unread link.';
comment on column private.mail_tokens.digest is 'SHA-256 of the token.';
comment on column private.mail_tokens.user_id is 'The account of the token.';
comment on column private.mail_tokens.purpose is 'The only purpose for which it is valid.';
comment on column private.mail_tokens.code_digest is
  'HMAC of the short code in the same mail. The database does not have its key.';
comment on column private.mail_tokens.created_at is 'When the mail was written.';
comment on column private.mail_tokens.expires_at is 'When it expires.';
comment on column private.mail_tokens.used_at is
  'When this token, or another of the same account and purpose, was used. Stored so that a second use gets its own error.';
comment on column private.mail_tokens.email is 'The recipient''s address. The token verifies only this address.';
comment on column private.mail_tokens.code_tries is 'Wrong codes that were tried while this one was valid. Five invalidate it.';

create function private.add_mail_token(mail_id uuid, digest text, code_digest text) returns boolean
language plpgsql set search_path = '' as $$
begin
  perform set_config('role', 'service_role', true);
  insert into private.mail_tokens (digest, user_id, purpose, email, code_digest, expires_at)
  select decode(add_mail_token.digest, 'hex'), account.id, m.kind, coalesce(m.details ->> 'to', account.email),
    case when m.kind = 'verification' then decode(add_mail_token.code_digest, 'hex') end,
    now() + case m.kind when 'password_reset' then interval '1 hour' else interval '1 day' end
  from private.mail_outbox m join public.users account on account.id = m.user_id
  where m.id = add_mail_token.mail_id and m.kind in ('verification', 'password_reset', 'email_change')
    and account.deactivated_at is null
    and (m.kind <> 'email_change' or exists (select from private.email_changes change
      where change.user_id = account.id and change.email = m.details ->> 'to' and change.expires_at > now()));
  return found;
end $$;
comment on function private.add_mail_token(uuid, text, text) is
  'Stores the SHA-256 (hex) of the token of a mail before it is sent, and the HMAC of its code. False if the mail is obsolete.';

create function private.lock_token_owner(digest text) returns public.users
language plpgsql set search_path = '' as $$
declare
  account public.users;
begin
  select u.* into account from private.mail_tokens t join public.users u on u.id = t.user_id
  where t.digest = decode(lock_token_owner.digest, 'hex') for update of u;
  return account;
end $$;
comment on function private.lock_token_owner(text) is
  'Locks the account of a token (SHA-256, hex), so that uses of two tokens of one account take turns. Nulls if there is none.';

create function private.token_state(token private.mail_tokens, account public.users) returns text
language plpgsql stable set search_path = '' as $$
begin
  return case
    when token.digest is null or account.deactivated_at is not null then 'unknown'
    when token.used_at is not null then 'used'
    -- Another mail verified the same address, or the account has a new address.
    when token.purpose = 'verification' and token.email = account.email and account.email_verified_at is not null then 'used'
    when token.purpose = 'email_change' and token.email = account.email then 'used'
    when token.expires_at <= now() or (token.purpose <> 'email_change' and token.email <> account.email) then 'expired'
    when token.purpose = 'email_change' and not exists (select from private.email_changes change
      where change.user_id = account.id and change.email = token.email and change.expires_at > now()) then 'expired'
    else 'valid'
  end;
end $$;
comment on function private.token_state(private.mail_tokens, public.users) is 'valid, used, expired or unknown.';

create function private.use_mail_tokens(user_id uuid, purpose text) returns void
language plpgsql set search_path = '' as $$
begin
  update private.mail_tokens t set used_at = now()
  where t.user_id = use_mail_tokens.user_id and t.purpose = use_mail_tokens.purpose and t.used_at is null;
end $$;
comment on function private.use_mail_tokens(uuid, text) is
  'Invalidates every other token of the account and purpose after one was used. The caller has locked the account.';

create function private.check_mail_token(digest text, ip text) returns jsonb
language plpgsql set search_path = '' as $$
declare
  token private.mail_tokens;
  account public.users;
  project public.projects;
begin
  perform set_config('role', 'service_role', true);
  perform private.count_by_address('secret', check_mail_token.ip);
  select t.* into token from private.mail_tokens t where t.digest = decode(check_mail_token.digest, 'hex');
  select u.* into account from public.users u where u.id = token.user_id;
  if private.token_state(token, account) = 'unknown' then
    return jsonb_build_object('refusal', 'mail_token_invalid');
  end if;
  perform private.uncount_secret(check_mail_token.ip);
  select p.* into project from public.projects p where p.id = account.project_id;
  return jsonb_build_object(
    'purpose', token.purpose, 'state', private.token_state(token, account), 'expires_at', token.expires_at,
    'project', case when project.id is not null then
      jsonb_build_object('id', project.id, 'name', project.name, 'site_url', project.site_url, 'mail', project.mail) end);
end $$;
comment on function private.check_mail_token(text, text) is
  'POST /auth/check-mail-token: {purpose, state, expires_at, project} or {refusal}. It does not use the token. Errors: '
  'attempts_exceeded.';

create function private.verify_account(account public.users) returns void
language plpgsql set search_path = '' as $$
begin
  update public.users u set email_verified_at = coalesce(u.email_verified_at, now()) where u.id = account.id;
  perform private.use_mail_tokens(account.id, 'verification');
end $$;
comment on function private.verify_account(public.users) is
  'Marks the address as verified and invalidates every verification token.';

create function private.use_verification_token(digest text, expected uuid, ip text) returns jsonb
language plpgsql set search_path = '' as $$
declare
  token private.mail_tokens;
  account public.users;
  state text;
begin
  perform set_config('role', 'service_role', true);
  perform private.count_by_address('secret', use_verification_token.ip);
  account := private.lock_token_owner(use_verification_token.digest);
  select t.* into token from private.mail_tokens t where t.digest = decode(use_verification_token.digest, 'hex');
  state := private.token_state(token, account);
  -- A refusal is a result, not an exception, so that the attempt stays counted.
  if state = 'unknown' or token.purpose = 'password_reset' or account.id is distinct from coalesce(expected, account.id) then
    return jsonb_build_object('refusal', 'verification_token_invalid');
  end if;
  perform private.uncount_secret(use_verification_token.ip);
  if state <> 'valid' then
    return jsonb_build_object('refusal',
      case state when 'used' then 'verification_token_used' else 'verification_token_invalid' end);
  end if;
  if token.purpose = 'email_change' then
    return private.confirm_email_change(account, token.email);
  end if;
  perform private.verify_account(account);
  return jsonb_build_object('email', account.email);
end $$;
comment on function private.use_verification_token(text, uuid, text) is
  'POST /auth/verify-email by token. expected is the account that the caller named, or null. Returns {email}, {refusal}, or '
  '{change: {user_id, email, auth_email}}: Auth has to change the address of a developer before it counts. Errors: '
  'attempts_exceeded.';

create function private.use_verification_code(user_id uuid, code_digest text, ip text) returns jsonb
language plpgsql set search_path = '' as $$
declare
  account public.users;
  wait integer;
  is_right boolean;
begin
  perform set_config('role', 'service_role', true);
  perform private.count_by_address('secret', use_verification_code.ip);
  wait := private.fill_bucket(private.bucket_name('code', use_verification_code.user_id::text), 20, 600);
  if wait > 0 then
    raise exception 'attempts_exceeded' using detail = jsonb_build_object('retry_after_seconds', wait);
  end if;
  select u.* into account from public.users u
  where u.id = use_verification_code.user_id and u.deactivated_at is null for update;
  select bool_or(t.code_digest = decode(use_verification_code.code_digest, 'hex')) into is_right
  from private.mail_tokens t
  where t.user_id = account.id and t.purpose = 'verification' and t.email = account.email
    and t.used_at is null and t.expires_at > now() and t.code_tries < 5;
  if is_right is distinct from true then
    update private.mail_tokens t set code_tries = t.code_tries + 1
    where t.user_id = account.id and t.purpose = 'verification' and t.used_at is null and t.code_tries < 5;
    return jsonb_build_object('refusal', 'verification_token_invalid');
  end if;
  perform private.uncount_secret(use_verification_code.ip);
  delete from private.auth_attempts a where a.bucket = private.bucket_name('code', account.id::text);
  perform private.verify_account(account);
  return jsonb_build_object('email', account.email);
end $$;
comment on function private.use_verification_code(uuid, text, text) is
  'POST /auth/verify-email by account and code: {email} or {refusal}. Five wrong codes invalidate all mailed codes. An account '
  'has a burst of twenty wrong codes, then one in ten minutes. Errors: attempts_exceeded.';

create function private.request_verification(credentials jsonb, account jsonb, ip text) returns void
language plpgsql set search_path = '' as $$
declare
  v_project uuid := (credentials ->> 'project_id')::uuid;
  is_own boolean;
  subject text;
  wanted uuid;
  wait integer;
begin
  perform private.authorize_and_set_role(credentials, 'public');
  perform set_config('role', 'service_role', true);
  perform private.count_by_address('mail', request_verification.ip);
  is_own := coalesce(account ->> 'user_id', account ->> 'email') is null;
  select u.id into wanted
  from public.users u left join public.projects p on p.id = u.project_id
  where case
      when is_own then u.id = (credentials ->> 'user_id')::uuid
      when account ->> 'user_id' is not null then u.id = (account ->> 'user_id')::uuid
      else u.project_id is not distinct from v_project and u.email_fold = private.fold_email(account ->> 'email') end
    and u.email_verified_at is null and u.deactivated_at is null and (p.id is null or (p.is_active and p.deleted_at is null));
  subject := coalesce(wanted::text, case when is_own then credentials ->> 'user_id' end, account ->> 'user_id',
    coalesce(v_project::text, '') || ':' || private.fold_email(account ->> 'email'));
  wait := private.request_mail(wanted, 'verification', subject);
  if wait > 0 and is_own then
    raise exception 'mail_limit_exceeded' using detail = jsonb_build_object('retry_after_seconds', wait);
  end if;
end $$;
comment on function private.request_verification(jsonb, jsonb, text) is
  'Requests a verification mail: for {user_id} or {email}, with the same answer if there is no such account, else for the '
  'caller. Errors: attempts_exceeded, mail_limit_exceeded (only for the caller''s own account), those of private.authorize.';

alter table private.mail_tokens enable row level security;

grant select, insert, update, delete on private.mail_tokens to service_role;
grant execute on function
  private.lock_token_owner(text),
  private.token_state(private.mail_tokens, public.users),
  private.use_mail_tokens(uuid, text),
  private.verify_account(public.users)
to service_role;
