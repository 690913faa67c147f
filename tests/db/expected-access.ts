// The expected access of every role. A table, policy, column grant or executable function that is missing here fails the suites.
//
// A condition is SQL over a row of the table, with the ids of the caller: `:me`, `:project` (their own), `:people`
// (all accounts of their tenant), `:other_project`, `:other_people` and `:operator`. It does not use the helpers of the policies.

export type TableAccess = {
  /** Names of its policies. Without one only service_role reaches it. */
  policies?: string[];
  /** The columns that `authenticated` may select, `*` for the whole table. Only service_role writes. */
  columns?: string;
  /** Rows that a token of this kind reads. Absent means none. */
  anon?: string;
  end_user?: string;
  developer?: string;
  operator?: string;
  /** The columns that `api_reader` may select. It owns the views of the hot reads. */
  reader_columns?: string;
  /** For a view of the hot reads: its rows in a transaction that has set `app.user_id` and `app.project_id`. */
  remembered?: string;
  /** Commands of service_role. The default is all four. */
  service?: string;
  /** Conditions for the caller's own row and the other tenant's, if user_id, project_id and generation_id do not decide. */
  own?: string;
  foreign?: string;
  /** Inserts rows for both tenants, if the world has none. */
  seed?: (ids: { project_id: string; user_id: string; developer_id: string; operator_id: string }) => string;
};

const serviceOnly: TableAccess = {};
const serviceNothing: TableAccess = { service: "" };

export const expectedTables: Record<string, TableAccess> = {
  "private.anonymous_usage": {
    seed: ({ operator_id: id }) => `insert into private.anonymous_usage (day, client)
      values ('3000-01-01', 'own ${id}'), ('3000-01-01', 'other ${id}') on conflict do nothing`,
    own: "client = 'own ' || :operator",
    foreign: "client = 'other ' || :operator",
  },
  "public.api_keys": {
    policies: ["api_keys_select_owner"],
    columns: "id project_id name key_prefix last_used_at grace_ends_at expires_at revoked_at created_at",
    developer: "project_id = :project",
  },
  "public.audit_events": { service: "select" },
  "private.auth_attempts": {
    seed: ({ operator_id: id }) => `insert into private.auth_attempts (bucket, level, drained_at)
      values ('test:own ${id}', 1, 'infinity'), ('test:other ${id}', 1, 'infinity') on conflict do nothing`,
    own: "bucket = 'test:own ' || :operator",
    foreign: "bucket = 'test:other ' || :operator",
  },
  // The reconciler may remove due rows at any moment, so these are never due.
  "private.cleanup_tasks": {
    seed: ({
      project_id,
    }) => `insert into private.cleanup_tasks (kind, target, generation_id, next_attempt_at)
      select 'uploads', 'matrix', id, 'infinity' from public.generations where project_id = '${project_id}'`,
    own: "target = 'matrix' and generation_id in (select id from public.generations where project_id = :project)",
    foreign:
      "target = 'matrix' and generation_id in (select id from public.generations where project_id = :other_project)",
  },
  "public.developer_keys": {
    policies: ["developer_keys_select_owner"],
    columns:
      "id user_id name key_prefix management last_used_at grace_ends_at expires_at revoked_at created_at",
    developer: "user_id = :me",
  },
  "public.generation_events": serviceOnly,
  "public.generation_usage": {
    policies: ["generation_usage_select_owner"],
    columns: "*",
    developer: "project_id = :project",
  },
  "public.generations": {
    policies: ["generations_select_self_or_owner", "generations_select_reader"],
    reader_columns:
      "id project_id user_id status instructions model example_images outputs is_public link_version error error_code " +
      "charge created_at updated_at completed_at",
    columns:
      "id project_id user_id status instructions model options example_images outputs is_public link_version " +
      "error_code error charge charged_month completed_at created_at updated_at",
    end_user: "user_id = :me and project_id = :project",
    developer: "project_id = :project",
  },
  "private.generation_items": {
    columns: "*",
    end_user: "user_id = :me and project_id = :project",
    developer: "project_id = :project",
    service: "select",
  },
  "private.live_api_keys": serviceNothing,
  "private.live_developer_keys": serviceNothing,
  "private.live_end_users": serviceNothing,
  "private.own_accounts": { ...serviceNothing, remembered: "id = :me" },
  "private.own_generations": { ...serviceNothing, remembered: "user_id = :me and project_id = :project" },
  "private.idempotency_keys": {
    seed: ({ user_id }) => `insert into private.idempotency_keys
      (caller, operation, key, fingerprint, generation_id, locked_until)
      values ('matrix ${user_id}', 'matrix', 'key', 'x', gen_random_uuid(), 'infinity')`,
    own: "caller in (select 'matrix ' || id from unnest(:people) as id)",
    foreign: "caller in (select 'matrix ' || id from unnest(:other_people) as id)",
  },
  "private.job_results": {
    seed: ({ operator_id: id }) => `insert into private.job_results (name, checked, failed)
      values ('own ${id}', 0, 0), ('other ${id}', 0, 0) on conflict do nothing`,
    own: "name = 'own ' || :operator",
    foreign: "name = 'other ' || :operator",
  },
  "private.job_runs": {
    seed: ({ operator_id: id }) => `insert into private.job_runs (name)
      values ('own ${id}'), ('other ${id}') on conflict do nothing`,
    own: "name = 'own ' || :operator",
    foreign: "name = 'other ' || :operator",
  },
  "public.key_usage": {
    seed: ({ project_id }) => `insert into public.key_usage (api_key_id, day)
      select id, current_date from public.api_keys where project_id = '${project_id}' on conflict do nothing`,
    own: "api_key_id in (select id from public.api_keys where project_id = :project)",
    foreign: "api_key_id in (select id from public.api_keys where project_id = :other_project)",
  },
  // The reconciler may send and remove due mails at any moment, so these are never due.
  "private.mail_outbox": {
    seed: ({ user_id }) => `insert into private.mail_outbox (user_id, kind, next_attempt_at)
      values ('${user_id}', 'key_created', 'infinity')`,
    own: "user_id = any (:people) and next_attempt_at = 'infinity'",
    foreign: "user_id = any (:other_people) and next_attempt_at = 'infinity'",
  },
  "private.email_changes": {
    seed: ({ user_id }) => `insert into private.email_changes (user_id, email, expires_at)
      values ('${user_id}', 'nobody@example.com', 'infinity')`,
  },
  "private.mail_tokens": {
    seed: ({ user_id }) => `insert into private.mail_tokens (digest, user_id, purpose, email, expires_at)
      values (sha256(gen_random_uuid()::text::bytea), '${user_id}', 'verification', 'nobody@example.com', 'infinity')`,
  },
  "public.models": {
    seed: ({ operator_id: id }) => `insert into public.models (id, is_active)
      values ('matrix/own-${id}', false), ('matrix/other-${id}', false) on conflict do nothing`,
    own: "id = 'matrix/own-' || :operator",
    foreign: "id = 'matrix/other-' || :operator",
  },
  "public.operator_keys": {
    seed: ({ operator_id }) => `insert into public.operator_keys (user_id, name, key_prefix, key_hash)
      values ('${operator_id}', 'Other', 'ok_other', sha256(gen_random_uuid()::text::bytea))`,
    own: "user_id = :operator and name is null",
    foreign: "user_id = :operator and name = 'Other'",
  },
  "private.password_permits": {
    seed: ({ user_id }) =>
      `insert into private.password_permits (user_id, expires_at) values ('${user_id}', now())`,
  },
  "public.plans": {
    seed: ({ operator_id: id }) =>
      `insert into public.plans (id) values ('own ${id}'), ('other ${id}') on conflict do nothing`,
    own: "id = 'own ' || :operator",
    foreign: "id = 'other ' || :operator",
  },
  "public.project_transfers": {
    policies: ["project_transfers_select_party"],
    columns: "*",
    developer: "project_id = :project",
    seed: ({ project_id }) => `insert into public.project_transfers (project_id, owner_id, email, expires_at)
      select id, owner_id, 'nobody@example.com', 'infinity' from public.projects where id = '${project_id}'`,
  },
  "public.projects": {
    policies: ["projects_select_owner"],
    columns: "*",
    developer: "id = :project",
    own: "id = :project",
    foreign: "id = :other_project",
  },
  "private.rate_limits": {
    service: "select delete",
    seed: ({ operator_id: id }) => `insert into private.rate_limits (bucket, used, resets_at)
      values ('test:own ${id}', 1, 'infinity'), ('test:other ${id}', 1, 'infinity') on conflict do nothing`,
    own: "bucket = 'test:own ' || :operator",
    foreign: "bucket = 'test:other ' || :operator",
  },
  "private.removed_projects": {
    seed: ({ user_id }) => `insert into private.removed_projects (user_id, month, projects)
      values ('${user_id}', current_date, 1) on conflict do nothing`,
  },
  "private.request_counts": {
    seed: ({
      operator_id: id,
    }) => `insert into private.request_counts (method, route, status, requests, seconds, buckets)
      values ('GET', 'own ${id}', 200, 0, 0, '{}'), ('GET', 'other ${id}', 200, 0, 0, '{}') on conflict do nothing`,
    own: "route = 'own ' || :operator",
    foreign: "route = 'other ' || :operator",
  },
  "public.uploads": {
    seed: ({ project_id, user_id }) => `insert into public.uploads (project_id, user_id, path)
      values ('${project_id}', '${user_id}', '${project_id}/matrix.png')`,
  },
  "public.webhook_deliveries": {
    policies: ["webhook_deliveries_select_owner"],
    columns: "*",
    developer: "project_id = :project",
    seed: ({ project_id }) => `insert into public.webhook_deliveries
      (webhook_id, project_id, event, subject_id, next_attempt_at)
      select id, project_id, 'test', gen_random_uuid(), 'infinity' from public.webhooks where project_id = '${project_id}'`,
  },
  "public.webhooks": {
    policies: ["webhooks_select_owner"],
    columns: "id project_id url description events is_active failing_since disabled_at created_at updated_at",
    developer: "project_id = :project",
  },
  "private.user_usage": {
    seed: ({ user_id }) => `insert into private.user_usage (user_id, day)
      values ('${user_id}', '3000-01-01') on conflict do nothing`,
  },
  "public.users": {
    policies: ["users_select_self_or_owner", "users_select_reader"],
    reader_columns: "id email full_name role deactivated_at email_verified_at created_at project_id",
    columns: "*",
    end_user: "id = :me",
    developer: "id = :me or project_id = :project",
    operator: "id = :me",
    own: "id = :me",
    foreign: "project_id = :other_project",
  },
};

/** Functions that each role may execute. PostgREST exposes none of them. */
export const expectedExecute: Record<"public" | "anon" | "authenticated", string[]> = {
  public: [],
  anon: [],
  authenticated: [
    "private.actor_address",
    "private.actor_id",
    "private.actor_project_id",
    "private.api_key_json",
    "private.delivery_json",
    "private.key_json",
    "private.key_state",
    "private.managed_project_ids",
    "private.project_json",
    "private.project_user_json",
    "private.require_api_key",
    "private.require_generation",
    "private.require_project",
    "private.require_project_transfer",
    "private.require_webhook",
    "private.search_pattern",
    "private.session_actor_id",
    "private.session_project_id",
    "private.user_json",
  ],
};

/** Functions with `security definer`, and the reason of each. */
export const expectedDefiners: Record<string, string> = {
  "private.announce_event": "records events for callers who may not insert them",
  "private.on_end_user_changed": "a trigger that records events for callers who change an account",
  "private.on_generation_ended": "a trigger that records events for callers who end a generation",
  "private.on_quota_used": "a trigger that records events for callers who use the quota",
  "private.actor_address": "reads the caller's account for policies",
  "private.authorize": "reads key hashes and sessions",
  "private.call_reconciler": "reads the vault",
  "private.count_request": "counts for callers who have taken their own role already",
  "private.take_requests": "counts as private.count_request does",
  "private.decoy_exists": "reads users of Auth",
  "private.end_reused_session": "reads refresh tokens of Auth",
  "private.on_account_closed": "a trigger that writes sessions of Auth, also on a table of Auth",
  "private.end_user_session": "writes sessions of Auth",
  "private.end_user_sessions": "writes sessions of Auth",
  "private.on_generation_broadcast": "a trigger that sends to Realtime for callers who change a generation",
  "private.on_generation_changed": "a trigger that writes events and usage for callers who end a generation",
  "private.check_auth_user_update": "a trigger on a table of Auth",
  "private.is_generation_served": "reads projects and their owners for callers who may not see them",
  "private.on_generation_deleted":
    "a trigger that writes clean-up and usage for callers who delete a generation",
  "private.on_upload_deleted": "a trigger that writes clean-up for callers who delete an upload",
  "private.limit_session_lifetime": "a trigger on a table of Auth",
  "private.list_orphans": "reads users of Auth",
  "private.managed_project_ids": "reads projects for the policies of projects",
  "private.open_session": "writes sessions of Auth",
  "private.purge_project_users": "deletes users of Auth",
  "private.record_audit": "a trigger that inserts audit events, which no caller may insert",
  "private.remove_old_audit_events": "deletes audit events, which no caller may delete",
  "private.session_actor_id": "reads accounts and sessions for policies",
  "private.session_project_id": "reads the caller's account for policies",
  "private.on_api_key_created": "a trigger that writes mail for callers who create a key",
  "private.list_user_sessions": "reads sessions of Auth",
  "private.on_user_created": "a trigger that writes mail for callers who register",
};
