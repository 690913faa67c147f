-- The models at Replicate that callers may name. How a model takes its input is code; who may use it is here, where an
-- operator can change it. The default models are settings of the function and always allowed.

create table public.models (
  id text primary key constraint models_id_form check (id ~ '^[A-Za-z0-9._-]+/[A-Za-z0-9._-]+(:[0-9a-f]{64})?$'),
  plan_ids text[],
  is_active boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

comment on table public.models is 'Models that a request may name.';
comment on column public.models.id is 'owner/name as at Replicate, with :version where a model runs by version only.';
comment on column public.models.plan_ids is 'Plans that may use it; null is every plan.';
comment on column public.models.is_active is 'Off: refused to everybody.';
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
  'Errors: model_not_allowed, the same whether the model is unknown, switched off or of a larger plan.';

create trigger models_touch before update on public.models
  for each row execute function private.touch_updated_at();

alter table public.models enable row level security;

grant select, insert, update, delete on public.models to service_role;
grant execute on function private.require_model(text, text) to service_role;
