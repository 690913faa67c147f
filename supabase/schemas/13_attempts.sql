-- Limits on attempts. Leaky buckets fill with attempts and drain with time. A full bucket requires a wait of seconds, never of
-- hours. So an attacker cannot lock a person out, and one person cannot lock out an office behind one address.

create unlogged table private.auth_attempts (
  bucket text primary key,
  level double precision not null,
  drained_at timestamptz not null
);
create index auth_attempts_drained_at on private.auth_attempts (drained_at);

comment on table private.auth_attempts is
  'Leaky buckets of sign-ins, mails and codes. Unlogged: counting costs no disk write, and a crash empties them.';
comment on column private.auth_attempts.bucket is 'A purpose and the hash of the subject, never an address in plain text.';
comment on column private.auth_attempts.level is 'Attempts in the bucket at drained_at.';
comment on column private.auth_attempts.drained_at is 'When the level was last computed. It has drained since.';

create function private.bucket_name(purpose text, subject text) returns text
language plpgsql immutable set search_path = '' as $$
begin
  return purpose || ':' || encode(sha256(convert_to(subject, 'utf8')), 'hex');
end $$;
comment on function private.bucket_name(text, text) is
  'The name of a bucket. It contains a hash, so it does not reveal its subject.';

-- On a dual-stack socket an IPv4 client appears as ::ffff:203.0.113.7. All of those lie in one /64.
create function private.address_group(ip text) returns text
language plpgsql immutable set search_path = '' as $$
begin
  return case
    when ip::inet << '::ffff:0:0/96' then substr(host(ip::inet), 8)
    when family(ip::inet) = 6 then network(set_masklen(ip::inet, 64))::text
    else host(ip::inet) end;
end $$;
comment on function private.address_group(text) is
  'An IPv4 address, also within IPv6, or the /64 of an IPv6 one: what one customer of a provider gets.';

create function private.fill_bucket(bucket text, capacity integer, seconds_per_drop double precision) returns integer
language plpgsql set search_path = '' as $$
#variable_conflict use_column
declare
  missing double precision;
begin
  insert into private.auth_attempts as known (bucket, level, drained_at) values (fill_bucket.bucket, 1, now())
  on conflict (bucket) do update
    set level = greatest(0, known.level - extract(epoch from now() - known.drained_at) / seconds_per_drop) + 1,
      drained_at = now()
    where greatest(0, known.level - extract(epoch from now() - known.drained_at) / seconds_per_drop) + 1 <= capacity;
  if found then
    return 0;
  end if;
  select greatest(0, known.level - extract(epoch from now() - known.drained_at) / seconds_per_drop) + 1 - capacity
  into missing
  from private.auth_attempts known where known.bucket = fill_bucket.bucket;
  return greatest(1, ceil(missing * seconds_per_drop));
end $$;
comment on function private.fill_bucket(text, integer, double precision) is
  'Counts one attempt and returns 0. If the bucket is full, it counts nothing and returns the seconds to wait. One statement, '
  'so parallel attempts cannot slip past each other.';

create function private.drain_bucket(bucket text) returns void
language plpgsql set search_path = '' as $$
#variable_conflict use_column
begin
  update private.auth_attempts known set level = greatest(0, known.level - 1) where known.bucket = drain_bucket.bucket;
end $$;
comment on function private.drain_bucket(text) is 'Uncounts an attempt that was correct.';

create function private.count_sign_in(project_id uuid, email text, ip text) returns void
language plpgsql set search_path = '' as $$
declare
  account text := coalesce(project_id::text, '') || ':' || private.fold_email(email);
  source text := private.address_group(ip);
  wait integer;
begin
  wait := private.fill_bucket(private.bucket_name('sign-in', account || ':' || coalesce(source, '')), 10, 30);
  if wait = 0 then
    wait := private.fill_bucket(private.bucket_name('sign-in-account', account), 100, 15);
  end if;
  if wait = 0 and source is not null then
    wait := private.fill_bucket(private.bucket_name('sign-in-address', source), 300, 2);
  end if;
  if wait > 0 then
    raise exception 'attempts_exceeded' using detail = jsonb_build_object('retry_after_seconds', wait);
  end if;
end $$;
comment on function private.count_sign_in(uuid, text, text) is
  'Counts an attempt at a password, whether or not the account exists. The buckets hold ten for an account from one address, a '
  'hundred for an account, and three hundred for one address. A correct attempt is uncounted. Errors: attempts_exceeded.';

create function private.forget_sign_ins(project_id uuid, email text, ip text) returns void
language plpgsql set search_path = '' as $$
declare
  account text := coalesce(project_id::text, '') || ':' || private.fold_email(email);
  source text := private.address_group(ip);
begin
  delete from private.auth_attempts a
  where a.bucket = private.bucket_name('sign-in', account || ':' || coalesce(source, ''));
  perform private.drain_bucket(private.bucket_name('sign-in-account', account));
  perform private.drain_bucket(private.bucket_name('sign-in-address', source));
end $$;
comment on function private.forget_sign_ins(uuid, text, text) is
  'After a correct password: uncounts the attempt, and earlier wrong ones from the same address.';

create function private.uncount_sign_in(credentials jsonb, email text, ip text) returns void
language plpgsql set search_path = '' as $$
declare
  v_project uuid := (credentials ->> 'project_id')::uuid;
  v_email text := uncount_sign_in.email;
  account text;
begin
  perform set_config('role', 'service_role', true);
  if v_email is null then
    select u.project_id, u.email into v_project, v_email
    from public.users u where u.id = (credentials ->> 'user_id')::uuid;
  end if;
  account := coalesce(v_project::text, '') || ':' || private.fold_email(v_email);
  perform private.drain_bucket(private.bucket_name('sign-in', account || ':' || coalesce(private.address_group(ip), '')));
  perform private.drain_bucket(private.bucket_name('sign-in-account', account));
  perform private.drain_bucket(private.bucket_name('sign-in-address', private.address_group(ip)));
end $$;
comment on function private.uncount_sign_in(jsonb, text, text) is
  'Uncounts the attempt of private.begin_login, or without an email that of private.begin_password_check, because Auth did not '
  'check the password.';

create function private.count_mail(purpose text, subject text) returns integer
language plpgsql set search_path = '' as $$
declare
  wait integer;
begin
  wait := private.fill_bucket(private.bucket_name('mail-minute:' || purpose, subject), 1, 60);
  if wait = 0 then
    wait := private.fill_bucket(private.bucket_name('mail-hour:' || purpose, subject), 6, 600);
  end if;
  return wait;
end $$;
comment on function private.count_mail(text, text) is
  'Counts a mail to one account: returns 0 if it may be sent, else the seconds to wait. One a minute; after six, one in ten '
  'minutes.';

create function private.count_by_address(purpose text, ip text) returns void
language plpgsql set search_path = '' as $$
declare
  source text := private.address_group(ip);
  wait integer := 0;
begin
  if source is not null then
    wait := private.fill_bucket(private.bucket_name(purpose || '-address', source), 100, 20);
  end if;
  if wait > 0 then
    raise exception 'attempts_exceeded' using detail = jsonb_build_object('retry_after_seconds', wait);
  end if;
end $$;
comment on function private.count_by_address(text, text) is
  'Counts an attempt from an address, for any account: a burst of a hundred, then one in 20 seconds. The purpose is mail, or '
  'secret: a token or code, before it is checked. Errors: attempts_exceeded.';

create function private.uncount_secret(ip text) returns void
language plpgsql set search_path = '' as $$
begin
  if ip is not null then
    perform private.drain_bucket(private.bucket_name('secret-address', private.address_group(ip)));
  end if;
end $$;
comment on function private.uncount_secret(text) is
  'Uncounts the attempt, because the token or code was correct or could not be checked.';

alter table private.auth_attempts enable row level security;

grant select, insert, update, delete on private.auth_attempts to service_role;
grant execute on function
  private.bucket_name(text, text),
  private.address_group(text),
  private.fill_bucket(text, integer, double precision),
  private.drain_bucket(text),
  private.count_sign_in(uuid, text, text),
  private.forget_sign_ins(uuid, text, text),
  private.count_mail(text, text),
  private.count_by_address(text, text),
  private.uncount_secret(text)
to service_role;
