-- An IPv4 client of a socket that speaks both appears as ::ffff:203.0.113.7, and all of them lie in one /64: they were counted as one.

create or replace function private.address_group(ip text) returns text
language plpgsql immutable set search_path = '' as $$
begin
  return case
    when ip::inet << '::ffff:0:0/96' then substr(host(ip::inet), 8)
    when family(ip::inet) = 6 then network(set_masklen(ip::inet, 64))::text
    else host(ip::inet) end;
end $$;
comment on function private.address_group(text) is
  'An IPv4 address, also within IPv6, or the /64 of an IPv6 one: what one customer of a provider gets.';
