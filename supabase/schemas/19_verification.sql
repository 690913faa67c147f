-- Proving an address and resetting a password. Supabase Auth makes and consumes the tokens; these functions decide who may
-- ask for one, answer for unknown addresses exactly as for known ones, and let each token through once.

create unlogged table private.used_tokens (
  digest bytea primary key constraint used_tokens_digest_length check (length(digest) = 32),
  used_at timestamptz not null default now()
);
create index used_tokens_used_at on private.used_tokens (used_at);

comment on table private.used_tokens is
  'Tokens from mails that were used or are being used, so that parallel uses become one. Unlogged: Auth remembers too.';
comment on column private.used_tokens.digest is 'SHA-256 of the token.';
comment on column private.used_tokens.used_at is 'When it was claimed.';

create function private.claim_token(digest text) returns boolean
language plpgsql set search_path = '' as $$
#variable_conflict use_column
begin
  perform set_config('role', 'service_role', true);
  insert into private.used_tokens (digest) values (decode(claim_token.digest, 'hex')) on conflict (digest) do nothing;
  return found;
end $$;
comment on function private.claim_token(text) is 'Whether the caller is the first to use the token with this SHA-256 (hex).';

create function private.release_token(digest text) returns void
language plpgsql set search_path = '' as $$
begin
  perform set_config('role', 'service_role', true);
  delete from private.used_tokens t where t.digest = decode(release_token.digest, 'hex');
end $$;
comment on function private.release_token(text) is 'Auth did not take the token: it was not used.';

create function private.request_verification(credentials jsonb, user_id uuid, ip text) returns void
language plpgsql set search_path = '' as $$
declare
  wanted uuid;
  own boolean := credentials ->> 'user_id' is not null;
  wait integer;
begin
  perform private.authorize_and_set_role(credentials, 'public');
  perform set_config('role', 'service_role', true);
  wanted := case when own then (credentials ->> 'user_id')::uuid else request_verification.user_id end;
  perform private.count_mail_request(request_verification.ip);
  wait := private.count_mail('verification', wanted::text);
  if wait > 0 and own then
    raise exception 'mail_limit_exceeded' using detail = jsonb_build_object('retry_after_seconds', wait);
  elsif wait = 0 then
    insert into private.mail_outbox (user_id, kind) values (
      (select u.id from public.users u left join public.projects p on p.id = u.project_id
        where u.id = wanted and u.email_verified_at is null and u.deactivated_at is null
          and (p.id is null or (p.is_active and p.deleted_at is null))),
      'verification');
  end if;
end $$;
comment on function private.request_verification(jsonb, uuid, text) is
  'Asks for a verification mail: for the caller, or for user_id, which may be nobody and is answered the same. Errors: '
  'attempts_exceeded, mail_limit_exceeded (only for the caller''s own account), those of private.authorize.';

create function private.request_password_reset(credentials jsonb, email text, ip text) returns void
language plpgsql set search_path = '' as $$
declare
  v_project uuid := (credentials ->> 'project_id')::uuid;
  wanted uuid;
begin
  perform private.authorize_and_set_role(credentials, 'public');
  perform set_config('role', 'service_role', true);
  perform private.count_mail_request(request_password_reset.ip);
  select u.id into wanted from public.users u left join public.projects p on p.id = u.project_id
  where u.project_id is not distinct from v_project and lower(u.email) = lower(request_password_reset.email)
    and u.deactivated_at is null and (p.id is null or p.is_active);
  -- An unknown address writes the same row, so that both answers take the same time.
  if private.count_mail('password_reset', coalesce(v_project::text, '') || ':' || lower(request_password_reset.email)) = 0 then
    insert into private.mail_outbox (user_id, kind) values (wanted, 'password_reset');
  end if;
end $$;
comment on function private.request_password_reset(jsonb, text, text) is
  'Asks for a reset mail; whether there is such an account shows nowhere. Errors: attempts_exceeded, those of private.authorize.';

create function private.begin_code(user_id uuid, ip text) returns jsonb
language plpgsql set search_path = '' as $$
declare
  account public.users;
  wait integer;
begin
  perform set_config('role', 'service_role', true);
  perform private.count_mail_request(begin_code.ip);
  wait := private.fill_bucket(private.bucket_name('code', begin_code.user_id::text), 5, 600);
  if wait > 0 then
    raise exception 'attempts_exceeded' using detail = jsonb_build_object('retry_after_seconds', wait);
  end if;
  select * into account from public.users u where u.id = begin_code.user_id;
  return jsonb_build_object('auth_email', coalesce(private.auth_email(account), private.decoy_email()));
end $$;
comment on function private.begin_code(uuid, text) is
  'Before a six-digit code is tried: five tries of an account at once, then one in ten minutes. Errors: attempts_exceeded.';

create function private.finish_verification(user_id uuid, session_id uuid, expected uuid) returns jsonb
language plpgsql set search_path = '' as $$
declare
  account public.users;
begin
  perform set_config('role', 'service_role', true);
  -- The session that consumed the token is Auth's way to say yes; nobody is to use it.
  perform private.end_user_session(finish_verification.user_id, finish_verification.session_id);
  update public.users u set email_verified_at = coalesce(u.email_verified_at, now())
  where u.id = finish_verification.user_id and u.deactivated_at is null and (expected is null or u.id = expected)
  returning * into account;
  if account.id is null then
    raise exception 'verification_token_invalid';
  end if;
  return jsonb_build_object('email', account.email);
end $$;
comment on function private.finish_verification(uuid, uuid, uuid) is
  'Auth took the token, which proves the address of the account; expected is whom the caller named, or null. Errors: '
  'verification_token_invalid.';

create function private.begin_password_reset(user_id uuid, session_id uuid) returns void
language plpgsql set search_path = '' as $$
declare
  account public.users;
begin
  perform set_config('role', 'service_role', true);
  perform private.end_user_session(begin_password_reset.user_id, begin_password_reset.session_id);
  update public.users u set email_verified_at = coalesce(u.email_verified_at, now())
  where u.id = begin_password_reset.user_id and u.deactivated_at is null
  returning * into account;
  if account.id is null then
    raise exception 'reset_token_invalid';
  end if;
  perform private.permit_password(account.id, null);
  delete from private.auth_attempts a where a.bucket = private.bucket_name('sign-in-account',
    coalesce(account.project_id::text, '') || ':' || lower(account.email));
end $$;
comment on function private.begin_password_reset(uuid, uuid) is
  'Auth took the reset token: announces the new password, which will end every session. The token came by mail, so the '
  'address is proved as well. Errors: reset_token_invalid.';

alter table private.used_tokens enable row level security;

grant select, insert, update, delete on private.used_tokens to service_role;
