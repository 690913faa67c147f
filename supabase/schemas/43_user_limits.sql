-- Limits per end user: those of the project, those that its developer granted to one user, and the usage.

create table private.user_usage (
  user_id uuid not null references public.users (id) on delete cascade,
  day date not null,
  generations integer not null default 0 constraint user_usage_generations_positive check (generations >= 0),
  canceled integer not null default 0 constraint user_usage_canceled_positive check (canceled >= 0),
  sent integer not null default 0 constraint user_usage_sent_positive check (sent >= 0),
  primary key (user_id, day)
);
create index user_usage_day on private.user_usage (day);

comment on table private.user_usage is 'Generations reserved or committed, per end user and UTC day.';
comment on column private.user_usage.user_id is 'The end user.';
comment on column private.user_usage.day is 'The UTC day.';
comment on column private.user_usage.generations is 'How many count against the day and its month.';
comment on column private.user_usage.canceled is 'How many were canceled or deleted after they were sent, and refunded.';
comment on column private.user_usage.sent is 'How many were sent to the provider, whatever their result.';

create function private.user_limits(project public.projects, account public.users) returns jsonb
language plpgsql stable set search_path = '' as $$
begin
  return case when account.role = 'end_user' then jsonb_build_object(
    'day', coalesce(account.generations_per_day, project.user_generations_per_day),
    'month', coalesce(account.generations_per_month, project.user_generations_per_month),
    'concurrent', coalesce(account.concurrent_generations, project.user_concurrent)) end;
end $$;
comment on function private.user_limits(public.projects, public.users) is
  '{day, month, concurrent} of an end user: the granted number, else the project''s. Null in it means no limit. Null for other '
  'roles.';

create function private.take_user_quota(user_id uuid, limits jsonb) returns void
language plpgsql set search_path = '' as $$
declare
  v_now timestamp := now() at time zone 'utc';
  v_day date := v_now::date;
  v_month date := date_trunc('month', v_now)::date;
  v_until timestamp;
begin
  -- Creates of one project already take turns, so the sums below are correct.
  insert into private.user_usage as usage (user_id, day, generations) values (take_user_quota.user_id, v_day, 1)
  on conflict on constraint user_usage_pkey do update set generations = usage.generations + 1
    where coalesce(usage.generations < (limits ->> 'day')::integer, true);
  if not found then
    raise exception 'user_day_limit_reached' using
      detail = jsonb_build_object('retry_after_seconds', ceil(extract(epoch from (v_day + 1) - v_now)));
  end if;
  if (select sum(u.generations) from private.user_usage u where u.user_id = take_user_quota.user_id and u.day >= v_month)
    > (limits ->> 'month')::integer
  then
    raise exception 'user_month_limit_reached' using
      detail = jsonb_build_object('retry_after_seconds', ceil(extract(epoch from (v_month + interval '1 month') - v_now)));
  end if;
  -- Failed requests cost money too, and a project without a quota has no other bound.
  select case when sum(u.sent) >= private.sent_limit((limits ->> 'month')::integer) then v_month + interval '1 month'
    when sum(u.sent) filter (where u.day = v_day) >= private.sent_limit((limits ->> 'day')::integer) then v_day + interval '1 day' end
  into v_until
  from private.user_usage u where u.user_id = take_user_quota.user_id and u.day >= v_month;
  if v_until is not null then
    raise exception 'user_sent_limit_reached' using
      detail = jsonb_build_object('retry_after_seconds', ceil(extract(epoch from v_until - v_now)));
  end if;
  if (select count(*) from public.generations g
      where g.user_id = take_user_quota.user_id and g.status in ('pending', 'processing')) >= (limits ->> 'concurrent')::integer
  then
    raise exception 'user_concurrency_limit_reached' using detail = jsonb_build_object('retry_after_seconds', 5);
  end if;
end $$;
comment on function private.take_user_quota(uuid, jsonb) is
  'Counts a generation of an end user within private.user_limits. Errors: user_day_limit_reached, user_month_limit_reached, '
  'user_sent_limit_reached, user_concurrency_limit_reached (detail: seconds to wait).';

create function private.return_user_quota(generation public.generations, was_canceled boolean) returns void
language plpgsql set search_path = '' as $$
begin
  -- A sent request costs money, and a project without a quota has no other limit.
  update private.user_usage usage
  set generations = usage.generations - 1, canceled = usage.canceled + case when was_canceled then 1 else 0 end
  where usage.user_id = generation.user_id and usage.day = (generation.created_at at time zone 'utc')::date
    and (not was_canceled or usage.canceled < private.cancel_limit(usage.generations));
end $$;
comment on function private.return_user_quota(public.generations, boolean) is
  'Refunds a generation to the day of its end user. Of those canceled after sending, only as many are refunded as '
  'private.cancel_limit allows for the day; the others stay counted.';

alter table private.user_usage enable row level security;

grant select, insert, update, delete on private.user_usage to service_role;
grant execute on function
  private.take_user_quota(uuid, jsonb),
  private.user_limits(public.projects, public.users)
to service_role;
