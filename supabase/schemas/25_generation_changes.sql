-- What people do with generations that exist: publish, cancel, delete. A row is found under row-level security and written
-- as service_role.

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
  'PATCH /generation/{id}/public. Taking it back also ends every address that was signed before. Errors: '
  'generation_not_found, those of private.authorize.';

create function private.cancel_generation(credentials jsonb, id uuid, error text) returns jsonb
language plpgsql set search_path = '' as $$
declare
  v_changed public.generations;
begin
  perform private.authorize_and_set_role(credentials, 'generation');
  perform private.require_generation(id);
  perform set_config('role', 'service_role', true);
  update public.generations g
  set status = 'canceled', error_code = 'canceled', error = cancel_generation.error, charge = 'refunded',
    completed_at = now(), next_check_at = null
  where g.id = cancel_generation.id and g.status in ('pending', 'processing')
  returning * into v_changed;
  if v_changed.id is null then
    raise exception 'generation_not_running';
  end if;
  if v_changed.prediction_id is not null then
    insert into private.cleanup_tasks (kind, target, generation_id)
    values ('prediction', v_changed.prediction_id, v_changed.id);
  end if;
  return (select i.item from private.generation_items i where i.id = v_changed.id);
end $$;
comment on function private.cancel_generation(jsonb, uuid, text) is
  'POST /generation/{id}/cancel: ended and not charged at once; the prediction is remembered to be canceled at Replicate. '
  'Errors: generation_not_running, generation_not_found, those of private.authorize.';

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
