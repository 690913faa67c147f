-- A visitor who asks for an example picture without a ticket is told that there is none; before, the role of visitors met a
-- function that it may not execute.

create or replace function private.get_generation_file(credentials jsonb, id uuid, kind text, "position" integer, link_version integer)
returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_signed_in boolean := credentials ->> 'user_id' is not null or credentials ->> 'operator_key_hash' is not null;
  v_project uuid;
  file jsonb;
begin
  -- A link version comes from an address that the API signed for somebody who may see the picture; it names no person.
  perform private.enter(credentials, case when v_signed_in and link_version is null then 'generation' else 'public' end);
  v_project := nullif(current_setting('app.project_id'), '')::uuid;
  if link_version is not null then
    perform private.as_service();
    select case get_generation_file.kind when 'output' then g.outputs else g.example_images end -> "position" into file
    from public.generations g
    where g.id = get_generation_file.id and g.link_version = get_generation_file.link_version
      and (g.expires_at is null or g.expires_at > now());
  elsif v_signed_in then
    select case get_generation_file.kind when 'output' then g.outputs else g.example_images end -> "position" into file
    from public.generations g
    where g.id = get_generation_file.id and g.project_id = v_project;
  end if;
  -- What is published is for everybody, also for somebody signed in.
  if file is null and link_version is null and kind = 'output' then
    perform private.as_service();
    select g.outputs -> "position" into file
    from public.generations g
    where g.id = get_generation_file.id and g.is_public and (v_project is null or g.project_id = v_project);
  end if;
  if file is null then
    raise exception 'image_not_found' using errcode = 'PT404';
  end if;
  -- In a statement of its own: visitors, whose role may not call it, never come this far.
  if not private.is_served(id) then
    raise exception 'image_not_found' using errcode = 'PT404';
  end if;
  return file;
end $$;
