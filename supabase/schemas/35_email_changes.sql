-- Changes of an account's address. The new address is valid when the token that was mailed to it is used. Supabase Auth signs
-- developers in by their address, so theirs changes at Auth first. The account follows in the same transaction.

create table private.email_changes (
  user_id uuid primary key references public.users (id) on delete cascade,
  email text not null constraint email_changes_email_length check (length(email) between 3 and 320),
  claimed_until timestamptz,
  expires_at timestamptz not null
);
create index email_changes_expires_at on private.email_changes (expires_at);

comment on table private.email_changes is 'New addresses that are not confirmed yet, one per account.';
comment on column private.email_changes.user_id is 'The account that gets the address.';
comment on column private.email_changes.email is 'The new address.';
comment on column private.email_changes.expires_at is 'When the confirmation expires.';
comment on column private.email_changes.claimed_until is
  'Until this time Supabase Auth may change the address. Set during the call.';

create function private.request_email_change(credentials jsonb, email text) returns void
language plpgsql set search_path = '' as $$
declare
  actor uuid := private.authorize_session(credentials);
  account public.users;
  wait integer;
begin
  select u.* into account from public.users u where u.id = actor for update;
  if private.fold_email(request_email_change.email) = account.email_fold then
    raise exception 'email_unchanged';
  end if;
  if exists (select from public.users u
    where u.project_id is not distinct from account.project_id and u.email_fold = private.fold_email(request_email_change.email))
  then
    raise exception 'account_exists';
  end if;
  wait := private.count_mail('email_change', actor::text);
  if wait > 0 then
    raise exception 'mail_limit_exceeded' using detail = jsonb_build_object('retry_after_seconds', wait);
  end if;
  insert into private.email_changes (user_id, email, expires_at)
  values (actor, request_email_change.email, now() + interval '1 day')
  on conflict (user_id) do update set email = excluded.email, expires_at = excluded.expires_at, claimed_until = null;
  insert into private.mail_outbox (user_id, kind, details) values
    (actor, 'email_change', jsonb_build_object('to', request_email_change.email)),
    (actor, 'email_change_asked', jsonb_build_object('to', account.email));
end $$;
comment on function private.request_email_change(jsonb, text) is
  'POST /auth/change-email, after the check of the password: mails both addresses. Errors: email_unchanged, account_exists, '
  'mail_limit_exceeded, those of private.authorize_session.';

create function private.complete_email_change(account public.users, email text) returns void
language plpgsql set search_path = '' as $$
begin
  update public.users u set email = complete_email_change.email, email_verified_at = now() where u.id = account.id;
  perform private.use_mail_tokens(account.id, 'email_change');
  -- Invalidates tokens that were sent to the old address.
  perform private.use_mail_tokens(account.id, 'verification');
  perform private.use_mail_tokens(account.id, 'password_reset');
  delete from private.email_changes change where change.user_id = account.id;
  insert into private.mail_outbox (user_id, kind, details)
  values (account.id, 'email_changed', jsonb_build_object('to', account.email));
end $$;
comment on function private.complete_email_change(public.users, text) is
  'Sets the new address, keeps sessions, and mails the old address. Errors: a unique violation if another account has it.';

create function private.confirm_email_change(account public.users, email text) returns jsonb
language plpgsql set search_path = '' as $$
declare
  new_auth_email text := private.auth_email_at(account, confirm_email_change.email);
begin
  if exists (select from public.users u where u.project_id is not distinct from account.project_id
    and u.email_fold = private.fold_email(confirm_email_change.email) and u.id <> account.id)
  then
    return jsonb_build_object('refusal', 'account_exists');
  end if;
  -- At Auth, end users and people with a non-ASCII address have an opaque address.
  if new_auth_email = private.auth_email(account) then
    begin
      perform private.complete_email_change(account, confirm_email_change.email);
    exception when unique_violation then
      -- Two accounts confirmed the same address at once.
      return jsonb_build_object('refusal', 'account_exists');
    end;
    return jsonb_build_object('email', confirm_email_change.email);
  end if;
  -- Auth signs developers in by their address, so it changes first; its table's trigger does the rest in the same transaction.
  update private.email_changes change set claimed_until = now() + interval '1 minute' where change.user_id = account.id;
  return jsonb_build_object('change', jsonb_build_object('user_id', account.id, 'email', confirm_email_change.email,
    'auth_email', new_auth_email));
end $$;
comment on function private.confirm_email_change(public.users, text) is
  'Confirms the new address by its token: {email}, {refusal}, or the {change} that Auth must make.';

create function private.finish_email_change(account public.users, email text) returns boolean
language plpgsql set search_path = '' as $$
declare
  change private.email_changes;
begin
  select * into change from private.email_changes c
  where c.user_id = account.id and c.claimed_until > now() and private.auth_email_at(account, c.email) = finish_email_change.email;
  if change.user_id is null then
    return false;
  end if;
  perform private.complete_email_change(account, change.email);
  return true;
end $$;
comment on function private.finish_email_change(public.users, text) is
  'Updates the account if the API has announced this address. Returns whether it has.';

create function private.abandon_email_change(user_id uuid) returns void
language plpgsql set search_path = '' as $$
begin
  perform set_config('role', 'service_role', true);
  update private.email_changes change set claimed_until = null where change.user_id = abandon_email_change.user_id;
end $$;
comment on function private.abandon_email_change(uuid) is 'Makes the token valid again after Auth did not change the address.';

alter table private.email_changes enable row level security;

grant select, insert, update, delete on private.email_changes to service_role;
grant execute on function
  private.complete_email_change(public.users, text),
  private.confirm_email_change(public.users, text)
to service_role;
