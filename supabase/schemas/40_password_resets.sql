-- Password resets with the token of a mail. No answer reveals whether the account exists.

create function private.request_password_reset(credentials jsonb, email text, ip text) returns void
language plpgsql set search_path = '' as $$
declare
  v_project uuid := (credentials ->> 'project_id')::uuid;
  wanted uuid;
begin
  perform private.authorize_and_set_role(credentials, 'public');
  perform set_config('role', 'service_role', true);
  perform private.count_by_address('mail', request_password_reset.ip);
  select u.id into wanted from public.users u left join public.projects p on p.id = u.project_id
  where u.project_id is not distinct from v_project and u.email_fold = private.fold_email(request_password_reset.email)
    and u.deactivated_at is null and (p.id is null or p.is_active);
  perform private.request_mail(wanted, 'password_reset',
    coalesce(v_project::text, '') || ':' || private.fold_email(request_password_reset.email));
end $$;
comment on function private.request_password_reset(jsonb, text, text) is
  'Requests a reset mail. The answer does not reveal whether the account exists. Errors: attempts_exceeded, those of '
  'private.authorize.';

create function private.begin_password_reset(digest text, ip text) returns jsonb
language plpgsql set search_path = '' as $$
declare
  token private.mail_tokens;
  account public.users;
  state text;
begin
  perform set_config('role', 'service_role', true);
  perform private.count_by_address('secret', begin_password_reset.ip);
  account := private.lock_token_owner(begin_password_reset.digest);
  select t.* into token from private.mail_tokens t where t.digest = decode(begin_password_reset.digest, 'hex');
  state := private.token_state(token, account);
  if state = 'unknown' or token.purpose <> 'password_reset' then
    return jsonb_build_object('refusal', 'reset_token_invalid');
  end if;
  perform private.uncount_secret(begin_password_reset.ip);
  if state <> 'valid' then
    return jsonb_build_object('refusal', case state when 'used' then 'reset_token_used' else 'reset_token_invalid' end);
  end if;
  perform private.permit_password(account.id, null, token.digest);
  return jsonb_build_object('user_id', account.id);
end $$;
comment on function private.begin_password_reset(text, text) is
  'POST /auth/reset-password: {user_id} and a permit for one change of its password, or {refusal}. Errors: attempts_exceeded, '
  'password_change_running.';

create function private.abandon_password_reset(digest text) returns void
language plpgsql set search_path = '' as $$
begin
  perform set_config('role', 'service_role', true);
  delete from private.password_permits p where p.token_digest = decode(abandon_password_reset.digest, 'hex')
    and p.expires_at > now();
end $$;
comment on function private.abandon_password_reset(text) is
  'After Auth did not set the password: deletes the permit, and makes the token valid again.';
