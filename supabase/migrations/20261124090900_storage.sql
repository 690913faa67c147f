-- Both buckets are private and have no policy: only the API's secret key reads and writes them, and browsers get
-- short-lived signed addresses. Paths start with the project id.

insert into storage.buckets (id, name, public, file_size_limit, allowed_mime_types)
values
  ('uploads', 'uploads', false, 10485760, '{image/jpeg,image/png,image/webp}'),
  ('generations', 'generations', false, 26214400, '{image/jpeg,image/png,image/webp}')
on conflict (id) do update
set public = excluded.public, file_size_limit = excluded.file_size_limit, allowed_mime_types = excluded.allowed_mime_types;
