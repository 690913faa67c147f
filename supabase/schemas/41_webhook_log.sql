-- The log of deliveries for developers, and the replay of a delivery.

create function private.send_test_event(credentials jsonb, project_id uuid, webhook_id uuid) returns jsonb
language plpgsql set search_path = '' as $$
declare
  recorded public.webhook_deliveries;
begin
  perform private.authorize_and_set_role(credentials, 'projects');
  perform private.require_webhook(project_id, webhook_id);
  perform set_config('role', 'service_role', true);
  if not (select w.is_active from public.webhooks w where w.id = send_test_event.webhook_id) then
    raise exception 'webhook_inactive';
  end if;
  insert into public.webhook_deliveries (webhook_id, project_id, event, subject_id)
  values (send_test_event.webhook_id, send_test_event.project_id, 'test', gen_random_uuid())
  returning * into recorded;
  return private.delivery_json(to_jsonb(recorded));
end $$;
comment on function private.send_test_event(jsonb, uuid, uuid) is
  'POST …/webhooks/{webhook_id}/test. Errors: project_not_found, webhook_not_found, webhook_inactive, those of private.authorize.';

create function private.list_deliveries(
  credentials jsonb, project_id uuid, webhook_id uuid, status text, page integer, page_size integer) returns jsonb
language plpgsql set search_path = '' as $$
declare
  total bigint;
  items jsonb;
begin
  perform private.authorize_and_set_role(credentials, 'projects');
  perform private.require_webhook(project_id, webhook_id);
  select count(*) into total from public.webhook_deliveries d
  where d.webhook_id = list_deliveries.webhook_id
    and (list_deliveries.status is null or d.status = list_deliveries.status);
  select coalesce(jsonb_agg(private.delivery_json(to_jsonb(on_page)) order by on_page.position desc), '[]') into items
  from (
    select d.* from public.webhook_deliveries d
    where d.webhook_id = list_deliveries.webhook_id
      and (list_deliveries.status is null or d.status = list_deliveries.status)
    order by d.position desc
    limit page_size offset (page - 1)::bigint * page_size
  ) as on_page;
  return jsonb_build_object('deliveries', items, 'total', total, 'page', page, 'page_size', page_size);
end $$;
comment on function private.list_deliveries(jsonb, uuid, uuid, text, integer, integer) is
  'GET …/webhooks/{webhook_id}/deliveries, newest first. Errors: project_not_found, webhook_not_found, those of private.authorize.';

create function private.replay_delivery(credentials jsonb, project_id uuid, webhook_id uuid, delivery_id uuid) returns jsonb
language plpgsql set search_path = '' as $$
declare
  replayed public.webhook_deliveries;
begin
  perform private.authorize_and_set_role(credentials, 'projects');
  perform private.require_webhook(project_id, webhook_id);
  perform set_config('role', 'service_role', true);
  if not (select w.is_active from public.webhooks w where w.id = replay_delivery.webhook_id) then
    raise exception 'webhook_inactive';
  end if;
  update public.webhook_deliveries d
  set status = 'waiting', attempts = 0, next_attempt_at = now(), finished_at = null
  where d.id = replay_delivery.delivery_id and d.webhook_id = replay_delivery.webhook_id
  returning * into replayed;
  if replayed.id is null then
    raise exception 'delivery_not_found';
  end if;
  return private.delivery_json(to_jsonb(replayed));
end $$;
comment on function private.replay_delivery(jsonb, uuid, uuid, uuid) is
  'POST …/deliveries/{delivery_id}/replay: sends the event again with the same id and new attempts. Errors: project_not_found, '
  'webhook_not_found, delivery_not_found, webhook_inactive, those of private.authorize.';
