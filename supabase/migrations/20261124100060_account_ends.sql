-- Changes of an account and its end. Auth deletes the user and every row follows; the generations that go with it leave
-- their files to the clean-up of generations.

create function private.list_orphans(batch_size integer) returns jsonb
language plpgsql security definer set search_path = '' as $$
begin
  return (
    select coalesce(jsonb_agg(orphan.id), '[]') from (
      select u.id from auth.users u
      where not exists (select from public.users account where account.id = u.id)
        and u.email is distinct from private.decoy_email()
        and u.created_at < now() - interval '1 hour'
      limit batch_size
    ) as orphan
  );
end $$;
comment on function private.list_orphans(integer) is
  'Users of Auth without an account, an hour old at least, so that no registration under way is hit. Definer: auth.users is the owner''s.';
grant execute on function private.list_orphans(integer) to service_role;

create function private.update_me(credentials jsonb, changes jsonb) returns jsonb
language plpgsql set search_path = '' as $$
declare
  actor uuid;
  account public.users;
begin
  perform private.enter(credentials, 'account');
  actor := current_setting('app.user_id')::uuid;
  perform private.as_service();
  update public.users u
  set full_name = case when changes ? 'full_name' then changes ->> 'full_name' else u.full_name end
  where u.id = actor returning * into account;
  return private.user_json(account);
end $$;
comment on function private.update_me(jsonb, jsonb) is 'PATCH /auth/me; changes: {full_name?}. Errors: those of private.authorize.';

create function private.find_end_user(credentials jsonb, project_id uuid, user_id uuid) returns uuid
language plpgsql set search_path = '' as $$
declare
  found_id uuid;
begin
  perform private.enter(credentials, 'projects');
  perform private.require_project(project_id);
  select u.id into found_id from public.users u
  where u.id = find_end_user.user_id and u.project_id = find_end_user.project_id;
  if found_id is null then
    raise exception 'user_not_found' using errcode = 'PT404';
  end if;
  return found_id;
end $$;
comment on function private.find_end_user(jsonb, uuid, uuid) is
  'The end user whom the caller may delete. Errors: project_not_found, user_not_found (404), those of private.authorize.';
