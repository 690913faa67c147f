-- The search for users of Auth without an account read all of auth.users, each minute.

create or replace function private.list_orphans(batch_size integer) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  -- Auth's ids are random, so what follows a random one is another part of the users each time.
  begin_at uuid := gen_random_uuid();
begin
  return (
    select coalesce(jsonb_agg(orphan.id), '[]') from (
      select part.id from (
        select * from (
          (select u.id, u.email, u.created_at from auth.users u where u.id >= begin_at order by u.id limit 10000)
          union all
          (select u.id, u.email, u.created_at from auth.users u where u.id < begin_at order by u.id limit 10000)
        ) as ring
        limit 10000
      ) as part
      where not exists (select from public.users account where account.id = part.id)
        and part.email is distinct from private.decoy_email()
        and part.created_at < now() - interval '1 hour'
      limit batch_size
    ) as orphan
  );
end $$;
comment on function private.list_orphans(integer) is
  'Users of Auth without an account, an hour old at least, so that no registration under way is hit: of 10,000 users from a random one on. Definer: auth.users is the owner''s.';
