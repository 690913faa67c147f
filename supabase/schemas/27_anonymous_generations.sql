-- Generations without an account. They are counted per client address and in total, and found only by an unguessable id. When
-- they expire, they are deleted with their files.

create table private.anonymous_usage (
  day date not null,
  client text not null,
  generations integer not null default 0 constraint anonymous_usage_generations_positive check (generations >= 0),
  refused integer not null default 0 constraint anonymous_usage_refused_positive check (refused >= 0),
  primary key (day, client)
);

comment on table private.anonymous_usage is
  'Anonymous creates per UTC day. Failed ones count too, because the limit prevents abuse.';
comment on column private.anonymous_usage.day is 'The UTC day.';
comment on column private.anonymous_usage.client is
  'Keyed hash of the client''s address (of the /64 for IPv6), or * for everybody. The address itself is never stored.';
comment on column private.anonymous_usage.generations is 'The number of creates on that day.';
comment on column private.anonymous_usage.refused is
  'Uploads that were refused after they were read. Five count as one picture, because reading has a cost.';

create function private.check_anonymous(credentials jsonb, client text, limits jsonb) returns void
language plpgsql set search_path = '' as $$
declare
  v_day date := (now() at time zone 'utc')::date;
  v_midnight timestamptz := (v_day + 1)::timestamp at time zone 'utc';
  v_allowed integer := limits ->> 'per_client';
  v_used integer;
begin
  perform private.authorize_and_set_role(credentials, 'public');
  perform set_config('role', 'service_role', true);
  select coalesce((select u.generations + u.refused / 5 from private.anonymous_usage u
    where u.day = v_day and u.client = check_anonymous.client), 0) into v_used;
  if v_used >= v_allowed then
    raise exception 'anonymous_limit_reached' using
      detail = jsonb_build_object('rate_limit', private.limit_state('anonymous', v_allowed, v_used, 86400, v_midnight));
  end if;
  if exists (select from private.anonymous_usage u where u.day = v_day and u.client = '*'
    and u.generations >= (limits ->> 'everybody')::integer)
  then
    raise exception 'anonymous_budget_reached' using detail = jsonb_build_object('retry_after_seconds',
      ceil(extract(epoch from v_midnight - now())));
  end if;
  -- This request is one of them.
  perform set_config('app.limit', private.limit_state('anonymous', v_allowed, v_used + 1, 86400, v_midnight)::text, true);
end $$;
comment on function private.check_anonymous(jsonb, text, jsonb) is
  'Checks the limits before any byte is stored. limits is {per_client, everybody}. Errors: anonymous_limit_reached (detail: '
  'private.limit_state), anonymous_budget_reached (detail: seconds until midnight UTC), those of private.authorize.';

create function private.create_anonymous_generation(client text, limits jsonb, generation jsonb) returns jsonb
language plpgsql set search_path = '' as $$
#variable_conflict use_column
declare
  v_day date := (now() at time zone 'utc')::date;
  wait integer := ceil(extract(epoch from ((v_day + 1)::timestamp at time zone 'utc') - now()));
  created public.generations;
begin
  perform set_config('role', 'service_role', true);
  -- Repeats the condition of private.check_anonymous under the row's lock, so that parallel creates stay within the limit.
  insert into private.anonymous_usage as usage (day, client, generations)
  values (v_day, create_anonymous_generation.client, 1)
  on conflict (day, client) do update set generations = usage.generations + 1
    where usage.generations < (limits ->> 'per_client')::integer;
  if not found then
    raise exception 'anonymous_limit_reached' using detail = jsonb_build_object('retry_after_seconds', wait);
  end if;
  insert into private.anonymous_usage as usage (day, client, generations) values (v_day, '*', 1)
  on conflict (day, client) do update set generations = usage.generations + 1
    where usage.generations < (limits ->> 'everybody')::integer;
  if not found then
    raise exception 'anonymous_budget_reached' using detail = jsonb_build_object('retry_after_seconds', wait);
  end if;
  insert into public.generations
    (id, instructions, model, options, example_images, charge, charged_month, next_check_at, expires_at)
  values ((generation ->> 'id')::uuid, generation ->> 'instructions', generation ->> 'model',
    coalesce(nullif(generation -> 'options', 'null'), '{}'), coalesce(nullif(generation -> 'example_images', 'null'), '[]'),
    'reserved', date_trunc('month', v_day)::date, now() + interval '15 seconds',
    now() + make_interval(secs => (limits ->> 'result_seconds')::double precision))
  returning * into created;
  return (select i.item from private.generation_items i where i.id = created.id);
end $$;
comment on function private.create_anonymous_generation(text, jsonb, jsonb) is
  'Counts and inserts a pending generation without an account. limits is {per_client, everybody, result_seconds}. Errors: '
  'anonymous_limit_reached, anonymous_budget_reached (detail: seconds to wait).';

create function private.count_refused_upload(client text) returns void
language plpgsql set search_path = '' as $$
#variable_conflict use_column
begin
  perform set_config('role', 'service_role', true);
  insert into private.anonymous_usage as usage (day, client, refused)
  values ((now() at time zone 'utc')::date, count_refused_upload.client, 1)
  on conflict (day, client) do update set refused = usage.refused + 1;
end $$;
comment on function private.count_refused_upload(text) is
  'Counts an anonymous upload that was refused after it was read. private.check_anonymous uses the count.';

create function private.get_anonymous_generation(credentials jsonb, id uuid) returns jsonb
language plpgsql set search_path = '' as $$
declare
  found jsonb;
begin
  perform private.authorize_and_set_role(credentials, 'public');
  perform set_config('role', 'service_role', true);
  select i.item into found from public.generations g join private.generation_items i on i.id = g.id
  where g.id = get_anonymous_generation.id and g.project_id is null and g.expires_at > now();
  if found is null then
    raise exception 'generation_not_found';
  end if;
  return found;
end $$;
comment on function private.get_anonymous_generation(jsonb, uuid) is
  'Returns an anonymous generation to anybody who knows its id, until it expires. Errors: generation_not_found, those of '
  'private.authorize.';

alter table private.anonymous_usage enable row level security;

grant select, insert, update, delete on private.anonymous_usage to service_role;
