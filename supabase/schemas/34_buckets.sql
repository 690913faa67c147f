-- The buckets of pictures. Both are private and have no policy: only the API's secret key reads and writes them, and browsers
-- get short-lived signed URLs. Paths start with the project id. On a new server, Storage may create its own tables after the
-- migrations. Then ensure_buckets is called again.

create function private.ensure_buckets()
returns boolean
language plpgsql
set search_path = ''
as $$
declare
  v_mime_types constant text := '{image/jpeg,image/png,image/webp}';
  v_complete boolean := true;
  v_setting record;
begin
  if pg_catalog.to_regclass('storage.buckets') is null then
    return false;
  end if;
  insert into storage.buckets (id, name) values ('uploads', 'uploads'), ('generations', 'generations')
  on conflict (id) do nothing;
  for v_setting in
    select wanted.*, attribute.attname is not null as is_there
    from (values
      ('public', 'boolean', 'false', 'false'),
      ('file_size_limit', 'bigint', '10485760', '26214400'),
      ('allowed_mime_types', 'text[]', v_mime_types, v_mime_types)
    ) as wanted (name, type, uploads, generations)
    left join pg_catalog.pg_attribute as attribute
      on attribute.attrelid = 'storage.buckets'::regclass and attribute.attname = wanted.name and not attribute.attisdropped
  loop
    v_complete := v_complete and v_setting.is_there;
    continue when not v_setting.is_there;
    execute format(
      'update storage.buckets set %I = (case id when ''uploads'' then %L else %L end)::%s where id in (''uploads'', ''generations'')',
      v_setting.name, v_setting.uploads, v_setting.generations, v_setting.type);
  end loop;
  return v_complete;
end $$;

comment on function private.ensure_buckets() is
  'Creates the private buckets of pictures with their limits. False if Storage has not created its tables yet; then call it again.';
