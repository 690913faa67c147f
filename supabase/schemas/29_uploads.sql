-- Pictures that a browser uploads to Storage by a signed URL, for a later create. Each is for one generation. An unused one is
-- deleted after three hours; its URL has expired by then.

create table public.uploads (
  id uuid primary key default gen_random_uuid(),
  project_id uuid not null references public.projects (id) on delete cascade,
  user_id uuid not null references public.users (id) on delete cascade,
  generation_id uuid references public.generations (id) on delete cascade,
  path text not null,
  created_at timestamptz not null default now()
);
create index uploads_project_id on public.uploads (project_id);
create index uploads_user_id on public.uploads (user_id, created_at) where generation_id is null;
create index uploads_owner on public.uploads (user_id);
create index uploads_generation_id on public.uploads (generation_id);
create index uploads_unused on public.uploads (created_at) where generation_id is null;

comment on table public.uploads is 'Uploads for which the API issued a signed URL.';
comment on column public.uploads.id is 'Identifies the upload in the API.';
comment on column public.uploads.project_id is 'The project of the upload.';
comment on column public.uploads.user_id is 'The account that may use it.';
comment on column public.uploads.generation_id is 'The generation that uses it; null while it is unused.';
comment on column public.uploads.path is 'Its path in bucket uploads.';
comment on column public.uploads.created_at is 'When its URL was issued.';

create function private.on_upload_deleted() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  insert into private.cleanup_tasks (kind, target, generation_id) values ('uploads', old.path, old.id);
  return null;
end $$;
comment on function private.on_upload_deleted() is
  'Trigger: queues the file of a deleted upload for removal. Definer: the caller may have no rights to cleanup_tasks.';

create function private.create_uploads(credentials jsonb, places integer) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_project uuid;
  v_actor uuid;
  created jsonb;
begin
  perform private.authorize_and_set_role(credentials, 'generation');
  v_project := current_setting('app.project_id')::uuid;
  v_actor := private.actor_id();
  perform set_config('role', 'service_role', true);
  if not private.hold_project(v_project) then
    raise exception 'project_inactive';
  end if;
  -- Creates of one account take turns, so the count is correct.
  perform from public.users account where account.id = v_actor for no key update;
  if (select count(*) from public.uploads u where u.user_id = v_actor and u.generation_id is null) + places > 50 then
    raise exception 'upload_limit_reached' using detail = jsonb_build_object('retry_after_seconds', 3600);
  end if;
  with ids as (
    select gen_random_uuid() as id from generate_series(1, places)
  ), inserted as (
    insert into public.uploads (id, project_id, user_id, path)
    select ids.id, v_project, v_actor, v_project || '/' || ids.id || '/0' from ids
    returning uploads.id, uploads.path
  )
  select jsonb_agg(to_jsonb(inserted)) into created from inserted;
  return created;
end $$;
comment on function private.create_uploads(jsonb, integer) is
  'Creates uploads: [{id, path}]. Errors: upload_limit_reached (detail: seconds), those of private.authorize.';

create function private.require_uploads(credentials jsonb, ids jsonb) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_project uuid;
  v_actor uuid;
  found jsonb;
begin
  perform private.authorize_and_set_role(credentials, 'generation');
  v_project := current_setting('app.project_id')::uuid;
  v_actor := private.actor_id();
  perform set_config('role', 'service_role', true);
  select jsonb_agg(jsonb_build_object('id', u.id, 'path', u.path) order by wanted.position) into found
  from jsonb_array_elements_text(ids) with ordinality as wanted (id, position)
  join public.uploads u on u.id = wanted.id::uuid
  where u.project_id = v_project and u.user_id = v_actor and u.generation_id is null;
  if coalesce(jsonb_array_length(found), 0) <> jsonb_array_length(ids) then
    raise exception 'upload_not_found';
  end if;
  return found;
end $$;
comment on function private.require_uploads(jsonb, jsonb) is
  'The caller''s unused uploads in the requested order: [{id, path}]. Errors: upload_not_found, those of private.authorize.';

create trigger uploads_deleted after delete on public.uploads
  for each row execute function private.on_upload_deleted();

alter table public.uploads enable row level security;

grant select, insert, update, delete on public.uploads to service_role;
