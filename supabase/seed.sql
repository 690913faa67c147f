-- Sample data for Studio: two developers, three projects, nine end users, their keys and generations. Passwords and keys are
-- random and unknown, so the data is harmless on any database. To sign in as one of these accounts, request a password reset.
-- `supabase start` and `supabase db push --include-seed` load it. It may be loaded again.

do $$
declare
  mara uuid := 'a0000000-0000-4000-8000-000000000001';
  jonas uuid := 'a0000000-0000-4000-8000-000000000002';
  postcards uuid := 'b0000000-0000-4000-8000-000000000001';
  avatars uuid := 'b0000000-0000-4000-8000-000000000002';
  tiles uuid := 'b0000000-0000-4000-8000-000000000003';
  person record;
begin
  if exists (select from public.users where id = mara) then
    return;
  end if;

  create temporary table seed_people (
    id uuid, role text, project_id uuid, plan_id text, email text, full_name text, verified boolean, closed boolean, days integer
  ) on commit drop;
  insert into seed_people values
    (mara, 'developer', null, 'starter', 'mara.lindqvist@example.com', 'Mara Lindqvist', true, false, 92),
    (jonas, 'developer', null, 'free', 'jonas.becker@example.com', 'Jonas Becker', true, false, 21),
    ('c0000000-0000-4000-8000-000000000001', 'end_user', postcards, null, 'elena.rossi@example.com', 'Elena Rossi', true, false, 80),
    ('c0000000-0000-4000-8000-000000000002', 'end_user', postcards, null, 'tom.okafor@example.com', 'Tom Okafor', true, false, 61),
    ('c0000000-0000-4000-8000-000000000003', 'end_user', postcards, null, 'yuki.tanaka@example.com', 'Yuki Tanaka', false, false, 33),
    ('c0000000-0000-4000-8000-000000000004', 'end_user', postcards, null, 'spam-account@example.com', null, false, true, 12),
    -- The same address in two projects is two accounts.
    ('c0000000-0000-4000-8000-000000000005', 'end_user', avatars, null, 'elena.rossi@example.com', 'Elena R.', true, false, 40),
    ('c0000000-0000-4000-8000-000000000006', 'end_user', avatars, null, 'amira.haddad@example.com', 'Amira Haddad', true, false, 18),
    ('c0000000-0000-4000-8000-000000000007', 'end_user', avatars, null, 'noah.smith@example.com', 'Noah Smith', false, false, 2),
    ('c0000000-0000-4000-8000-000000000008', 'end_user', tiles, null, 'lucia.fernandez@example.com', 'Lucía Fernández', true, false, 14),
    ('c0000000-0000-4000-8000-000000000009', 'end_user', tiles, null, 'piotr.nowak@example.com', 'Piotr Nowak', true, false, 6);

  -- Supabase Auth reads its token columns as text. A null in one of them breaks every sign-in of that user.
  insert into auth.users (
    id, aud, role, email, encrypted_password, email_confirmed_at, raw_app_meta_data, raw_user_meta_data, created_at, updated_at,
    confirmation_token, recovery_token, email_change, email_change_token_new, email_change_token_current,
    phone_change, phone_change_token, reauthentication_token)
  select p.id, 'authenticated', 'authenticated',
    case when p.role = 'end_user' then p.id || '@' || p.project_id || '.users.invalid' else p.email end,
    extensions.crypt(gen_random_uuid()::text, extensions.gen_salt('bf')), now() - make_interval(days => p.days),
    '{"provider": "email", "providers": ["email"]}', '{}', now() - make_interval(days => p.days), now() - make_interval(days => p.days),
    '', '', '', '', '', '', '', ''
  from seed_people p;
  if exists (select from information_schema.columns
    where table_schema = 'auth' and table_name = 'users' and column_name = 'instance_id')
  then
    execute format('update auth.users set instance_id = %L where id in (select id from pg_temp.seed_people)',
      '00000000-0000-0000-0000-000000000000');
  end if;
  insert into auth.identities (id, provider, provider_id, user_id, identity_data, created_at, updated_at)
  select gen_random_uuid(), 'email', u.id::text, u.id,
    jsonb_build_object('sub', u.id, 'email', u.email, 'email_verified', true), u.created_at, u.created_at
  from auth.users u join seed_people p on p.id = u.id;

  insert into public.users (id, role, plan_id, email, full_name, email_verified_at, created_at)
  select p.id, p.role, p.plan_id, p.email, p.full_name, now() - make_interval(days => p.days), now() - make_interval(days => p.days)
  from seed_people p where p.role = 'developer';

  insert into public.projects (id, owner_id, plan_id, name, description, email_verification, allowed_origins, site_url, created_at)
  values
    (postcards, mara, null, 'Postcards', 'Turns holiday photos into painted postcards.', 'optional',
      '{https://postcards.example.com,https://*.postcards.example.com}', 'https://postcards.example.com', now() - interval '90 days'),
    (avatars, mara, 'premium', 'Avatars', 'Portraits in the style of a team.', 'required', '{*}', null, now() - interval '45 days'),
    (tiles, jonas, null, 'Tiles', 'Seamless patterns for printing on tiles.', 'optional', '{http://localhost:3000}', null, now() - interval '20 days');

  insert into public.users (id, role, project_id, email, full_name, email_verified_at, deactivated_at, created_at)
  select p.id, p.role, p.project_id, p.email, p.full_name,
    case when p.verified then now() - make_interval(days => p.days) + interval '9 minutes' end,
    case when p.closed then now() - make_interval(days => p.days - 1) end, now() - make_interval(days => p.days)
  from seed_people p where p.role = 'end_user';

  insert into public.developer_keys (user_id, name, key_prefix, key_hash, management, last_used_at, created_at)
  select owner, name, 'ak_' || substr(md5(random()::text), 1, 5), sha256(gen_random_uuid()::text::bytea), management,
    now() - used, now() - made
  from (values
    (mara, 'Provisioned at registration', false, interval '3 minutes', interval '92 days'),
    (mara, 'Nightly report', true, interval '6 hours', interval '30 days'),
    (jonas, 'Provisioned at registration', false, interval '2 days', interval '21 days')
  ) as k (owner, name, management, used, made);

  insert into public.api_keys (id, project_id, name, key_prefix, key_hash, last_used_at, grace_ends_at, expires_at, revoked_at, created_at)
  select id::uuid, project, name, 'ak_' || substr(md5(random()::text), 1, 5), sha256(gen_random_uuid()::text::bytea),
    now() - used, grace, expires, revoked, now() - made
  from (values
    ('d0000000-0000-4000-8000-000000000001', postcards, 'Web app', interval '3 minutes', null::timestamptz, null::timestamptz, null::timestamptz, interval '10 days'),
    ('d0000000-0000-4000-8000-000000000002', postcards, 'Web app', interval '10 days', now() - interval '9 days', null, null, interval '90 days'),
    ('d0000000-0000-4000-8000-000000000003', avatars, 'iOS', interval '40 minutes', null, now() + interval '300 days', null, interval '45 days'),
    ('d0000000-0000-4000-8000-000000000004', avatars, 'Contractor', interval '31 days', null, null, now() - interval '30 days', interval '44 days'),
    ('d0000000-0000-4000-8000-000000000005', tiles, 'Provisioned at registration', interval '2 days', null, null, null, interval '20 days')
  ) as k (id, project, name, used, grace, expires, revoked, made);

  insert into public.key_usage (api_key_id, day, requests, errors)
  select key_id::uuid, (now() at time zone 'utc')::date - back, base + (back * 37) % 23, (back * 7) % 4
  from (values
    ('d0000000-0000-4000-8000-000000000001', 140), ('d0000000-0000-4000-8000-000000000003', 85),
    ('d0000000-0000-4000-8000-000000000005', 12)
  ) as k (key_id, base), generate_series(0, 9) as back;

  for person in
    select p.id, p.project_id, row_number() over (order by p.id) as n from seed_people p where p.role = 'end_user' and not p.closed
  loop
    insert into public.generations (
      id, project_id, user_id, status, instructions, model, options, is_public, error_code, error, charge, charged_month,
      outputs, predict_seconds, submission, completed_at, created_at)
    select gen_random_uuid(), person.project_id, person.id, made.status,
      (array['Turn this beach into a watercolour', 'A lighthouse at dawn, oil on canvas', 'My dog as an astronaut',
        'Blue and white azulejo, seamless', 'A portrait in flat colours'])[1 + (person.n + made.n) % 5],
      'google/nano-banana', '{"aspect_ratio": "1:1"}', made.status = 'completed' and made.n % 3 = 0,
      case made.status when 'failed' then 'content_blocked' when 'canceled' then 'canceled' end,
      case made.status when 'failed' then 'The provider''s safety filter blocked the request or its result. It was not charged.'
        when 'canceled' then 'The generation was canceled. It was not charged.' end,
      case made.status when 'completed' then 'committed' else 'refunded' end,
      date_trunc('month', (made.at at time zone 'utc'))::date,
      -- The seed does not contain the pictures themselves. Their URLs answer 404.
      case made.status when 'completed' then jsonb_build_array(jsonb_build_object('path',
        person.project_id || '/seed/' || person.n || '-' || made.n || '.png', 'content_type', 'image/png', 'bytes', 182044,
        'width', 1024, 'height', 1024)) else '[]' end,
      case made.status when 'completed' then 4.2 + made.n end, 'accepted', made.at + interval '9 seconds', made.at
    from (
      select n, now() - make_interval(days => (n * 2 + person.n::integer) % 5, hours => n) as at,
        case when n = 4 and person.n % 2 = 0 then 'failed' when n = 5 and person.n % 3 = 0 then 'canceled' else 'completed' end as status
      from generate_series(1, 3 + (person.n % 3)::integer) as n
    ) as made;
  end loop;

  insert into public.generation_usage (project_id, month, generations)
  select g.project_id, g.charged_month, count(*) from public.generations g
  where g.project_id in (postcards, avatars, tiles) and g.charge = 'committed'
  group by 1, 2
  on conflict (project_id, month) do update set generations = excluded.generations;
end $$;
