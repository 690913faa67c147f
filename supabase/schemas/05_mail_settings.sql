-- The design of a project's mail: one object in a column of projects. So a project is read, audited, transferred and deleted with it.

create function private.mail_settings(given jsonb) returns jsonb
language plpgsql immutable set search_path = '' as $$
begin
  return '{"sender_name": null, "logo_url": null, "accent_color": null, "language": "en", "footer": null}'::jsonb
    || coalesce(given, '{}');
end $$;
comment on function private.mail_settings(jsonb) is 'All settings for mail: the given ones, and defaults for the others.';

create function private.are_mail_settings(mail jsonb) returns boolean
language plpgsql immutable set search_path = '' as $$
declare
  names constant text[] := '{sender_name,logo_url,accent_color,language,footer}';
begin
  if jsonb_typeof(mail) is distinct from 'object' or not mail ?& names or mail - names <> '{}' then
    return false;
  end if;
  return not exists (select from jsonb_each(mail) field
      where jsonb_typeof(field.value) not in ('string', 'null') or field.value #>> '{}' ~ '[\x01-\x09\x0b-\x1f\x7f]')
    and coalesce(length(mail ->> 'sender_name') between 1 and 100 and mail ->> 'sender_name' !~ '\n', true)
    and coalesce(length(mail ->> 'logo_url') <= 2048 and mail ->> 'logo_url' ~ '^https://[!-~]+$', true)
    and coalesce(mail ->> 'accent_color' ~ '^#[0-9a-f]{6}$', true)
    and coalesce(mail ->> 'language' in ('en', 'de', 'fr', 'es', 'pt', 'ja'), false)
    and coalesce(length(mail ->> 'footer') between 1 and 500, true);
end $$;
comment on function private.are_mail_settings(jsonb) is
  'Whether an object is {sender_name, logo_url, accent_color, language, footer}, each within its bounds.';

grant execute on function
  private.mail_settings(jsonb),
  private.are_mail_settings(jsonb)
to service_role;
