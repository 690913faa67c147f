-- An attempt that Auth did not answer is none: an outage must not use up what people may try.

create function private.return_sign_in(credentials jsonb, email text, ip text) returns void
language plpgsql set search_path = '' as $$
declare
  v_project uuid := (credentials ->> 'project_id')::uuid;
  v_email text := return_sign_in.email;
  account text;
begin
  perform private.as_service();
  if v_email is null then
    select u.project_id, u.email into v_project, v_email
    from public.users u where u.id = (credentials ->> 'user_id')::uuid;
  end if;
  account := coalesce(v_project::text, '') || ':' || lower(v_email);
  perform private.drain_bucket(private.bucket_name('sign-in', account || ':' || coalesce(private.address_group(ip), '')));
  perform private.drain_bucket(private.bucket_name('sign-in-account', account));
  perform private.drain_bucket(private.bucket_name('sign-in-address', private.address_group(ip)));
end $$;
comment on function private.return_sign_in(jsonb, text, text) is
  'Takes back what private.begin_login counted, or without an email what private.begin_password_check did: whether the password '
  'was right was never said.';

create function private.return_code(user_id uuid, ip text) returns void
language plpgsql set search_path = '' as $$
begin
  perform private.as_service();
  perform private.drain_bucket(private.bucket_name('code', return_code.user_id::text));
  perform private.drain_bucket(private.bucket_name('mail-address', private.address_group(ip)));
end $$;
comment on function private.return_code(uuid, text) is
  'Takes back what private.begin_code counted: whether the code was right was never said.';
