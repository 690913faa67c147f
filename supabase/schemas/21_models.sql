-- The models at Replicate that callers may name. An operator can change who may use a model; its input names are in the code.
-- The default models are settings of the function and always allowed.

create table public.models (
  id text primary key constraint models_id_form check (id ~ '^[A-Za-z0-9._-]+/[A-Za-z0-9._-]+(:[0-9a-f]{64})?$'),
  plan_ids text[],
  is_active boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

comment on table public.models is 'Models that a request may name.';
comment on column public.models.id is 'owner/name as at Replicate, with :version if the model runs only by version.';
comment on column public.models.plan_ids is 'Plans that may use it; null is every plan.';
comment on column public.models.is_active is 'If false, nobody may use it.';
comment on column public.models.created_at is 'When it was added.';
comment on column public.models.updated_at is 'When it last changed.';

create function private.require_model(model text, plan text) returns void
language plpgsql stable set search_path = '' as $$
begin
  if not exists (
    select from public.models m
    where m.id = model and m.is_active and (m.plan_ids is null or plan = any (m.plan_ids)))
  then
    raise exception 'model_not_allowed';
  end if;
end $$;
comment on function private.require_model(text, text) is
  'Errors: model_not_allowed, whether the model is unknown, inactive or needs a larger plan.';

create function private.list_models(credentials jsonb, defaults jsonb) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_project uuid;
  plan text;
begin
  perform private.authorize_and_set_role(credentials, 'status');
  v_project := current_setting('app.project_id')::uuid;
  perform set_config('role', 'service_role', true);
  plan := (private.project_plan(v_project)).id;
  return (
    select coalesce(jsonb_agg(distinct allowed.id order by allowed.id), '[]') from (
      select m.id from public.models m where m.is_active and (m.plan_ids is null or plan = any (m.plan_ids))
      union
      select jsonb_array_elements_text(defaults)) as allowed);
end $$;
comment on function private.list_models(jsonb, jsonb) is
  'GET /models: the ids of models that the project may use. They always include the defaults. Errors: those of private.authorize.';

create function private.list_plans(credentials jsonb) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_actor uuid;
  is_operator boolean;
begin
  perform private.authorize_and_set_role(credentials, 'projects');
  v_actor := private.actor_id();
  is_operator := current_setting('app.user_role') = 'operator';
  perform set_config('role', 'service_role', true);
  return (
    select coalesce(jsonb_agg(jsonb_build_object('id', plan.id, 'is_default', plan.is_default,
      'is_current', plan.id is not distinct from account.plan_id,
      'generations_per_month', plan.generations_per_month, 'concurrent_generations', plan.concurrent_generations,
      'projects', plan.projects, 'api_keys_per_project', plan.api_keys_per_project, 'requests_per_day', plan.requests_per_day,
      'reads_per_minute', plan.reads_per_minute, 'auth_calls_per_hour', plan.auth_calls_per_hour,
      'models', (select coalesce(jsonb_agg(m.id order by m.id), '[]') from public.models m
        where m.is_active and (m.plan_ids is null or plan.id = any (m.plan_ids))))
      order by plan.generations_per_month nulls last, plan.id), '[]')
    from public.plans plan
    join public.users account on account.id = v_actor
    where is_operator or plan.is_listed or plan.id is not distinct from account.plan_id
      or exists (select from public.projects p where p.owner_id = v_actor and p.plan_id = plan.id and p.deleted_at is null));
end $$;
comment on function private.list_plans(jsonb) is
  'GET /plans: the listed plans, and those of the caller and of the caller''s projects. An operator gets all. Errors: those of '
  'private.authorize.';

create trigger models_touch before update on public.models
  for each row execute function private.touch_updated_at();

alter table public.models enable row level security;

grant select, insert, update, delete on public.models to service_role;
grant execute on function private.require_model(text, text) to service_role;
