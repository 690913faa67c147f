-- Publish, cancel and delete of generations. Each function finds the row under row-level security and writes as service_role.

create function private.publish_generation(credentials jsonb, id uuid, is_public boolean) returns jsonb
language plpgsql set search_path = '' as $$
begin
  perform private.authorize_and_set_role(credentials, 'generation');
  perform private.require_generation(id);
  perform set_config('role', 'service_role', true);
  update public.generations g
  set is_public = publish_generation.is_public,
    link_version = g.link_version + case when g.is_public and not publish_generation.is_public then 1 else 0 end
  where g.id = publish_generation.id and g.is_public is distinct from publish_generation.is_public;
  return jsonb_build_object('id', publish_generation.id, 'is_public', publish_generation.is_public);
end $$;
comment on function private.publish_generation(jsonb, uuid, boolean) is
  'PATCH /generation/{id}/public. Un-publishing also invalidates all earlier signed URLs. Errors: generation_not_found, those '
  'of private.authorize.';

create function private.end_canceled(id uuid, error_code text, errors jsonb) returns public.generations
language plpgsql set search_path = '' as $$
declare
  v_found public.generations;
  is_refunded boolean;
begin
  select * into v_found from public.generations g
  where g.id = end_canceled.id and g.status in ('pending', 'processing') for update;
  if v_found.id is null then
    return v_found;
  end if;
  is_refunded := v_found.submission = 'waiting' or v_found.project_id is null
    or private.take_cancel(v_found.project_id, v_found.charged_month);
  update public.generations g
  set status = 'canceled', error_code = end_canceled.error_code, completed_at = now(), next_check_at = null,
    error = errors ->> case when is_refunded then 'refunded' else 'charged' end,
    charge = case when is_refunded then 'refunded' else 'committed' end
  where g.id = v_found.id
  returning * into v_found;
  if v_found.prediction_id is not null then
    insert into private.cleanup_tasks (kind, target, generation_id) values ('prediction', v_found.prediction_id, v_found.id);
  end if;
  return v_found;
end $$;
comment on function private.end_canceled(uuid, text, jsonb) is
  'Cancels a generation, or returns null if it had ended. errors is {refunded, charged}, with a sentence for each. A sent one '
  'is refunded within private.cancel_limit. The cancel of its prediction is queued.';

create function private.cancel_generation(credentials jsonb, id uuid, errors jsonb) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_changed public.generations;
begin
  perform private.authorize_and_set_role(credentials, 'generation');
  perform private.require_generation(id);
  perform set_config('role', 'service_role', true);
  v_changed := private.end_canceled(id, 'canceled', errors);
  if v_changed.id is null then
    raise exception 'generation_not_running';
  end if;
  return (select i.item from private.generation_items i where i.id = v_changed.id);
end $$;
comment on function private.cancel_generation(jsonb, uuid, jsonb) is
  'POST /generation/{id}/cancel, by private.end_canceled. Errors: generation_not_running, generation_not_found, those of '
  'private.authorize.';

create function private.delete_generation(credentials jsonb, id uuid) returns void
language plpgsql set search_path = '' as $$
begin
  perform private.authorize_and_set_role(credentials, 'generation');
  perform private.require_generation(id);
  perform set_config('role', 'service_role', true);
  delete from public.generations g where g.id = delete_generation.id;
end $$;
comment on function private.delete_generation(jsonb, uuid) is
  'DELETE /generation/{id}. Its prediction and files become cleanup tasks in the same transaction. Errors: '
  'generation_not_found, those of private.authorize.';

grant execute on function private.end_canceled(uuid, text, jsonb) to service_role;
