import { ApiError, type ErrorCode, invalidField } from "../../supabase/functions/api/errors.ts";

// biome-ignore lint/suspicious/noExplicitAny: JSON Schema, read by path.
export type Schema = { [key: string]: any };
type Resolve = (schema: Schema) => Schema;

/** The value composed of the examples of a schema's parts. Takes the first of several shapes; undefined without an example. */
export function exampleOf(schema: Schema, resolve: Resolve): unknown {
  const { allOf = [], anyOf, oneOf, properties, items, example, const: only, ...rest } = resolve(schema);
  if (example !== undefined) return example;
  if (only !== undefined) return only;
  const [shape] = anyOf ?? oneOf ?? [];
  if (shape !== undefined) return exampleOf(shape, resolve);
  if (items !== undefined) return [exampleOf(items, resolve)];
  if (properties === undefined && allOf.length === 0) return rest.default;
  const own = Object.entries<Schema>(properties ?? {}).map(([name, part]) => [
    name,
    exampleOf(part, resolve),
  ]);
  return Object.assign(
    {},
    ...allOf.map((part: Schema) => exampleOf(part, resolve)),
    Object.fromEntries(own.filter(([, value]) => value !== undefined)),
  );
}

const usual: Record<string, ErrorCode> = {
  400: "malformed_json",
  401: "invalid_token",
  403: "developer_key_invalid",
  404: "project_not_found",
  409: "generation_state_conflict",
  413: "payload_too_large",
  415: "unsupported_media_type",
  429: "rate_limited",
  501: "payments_not_offered",
  502: "auth_error",
  503: "database_unavailable",
};

/** Where an operation is known for another code than the usual one. The first that fits. */
const known: [RegExp, ErrorCode][] = [
  [/^auth\.verifyEmail 400/, "verification_token_invalid"],
  [/^auth\.resetPassword 400/, "reset_token_invalid"],
  [/^auth\.checkMailToken 400/, "mail_token_invalid"],
  [/^auth\.(changeEmail|verifyEmail) 409/, "account_exists"],
  [/^auth\.(resetPassword|changePassword) 409/, "password_change_running"],
  [/^transfers\.offer 409/, "transfer_to_owner"],
  [/^transfers\.(get|end|accept) 404/, "transfer_not_found"],
  [/^auth\.login 400/, "account_not_verified"],
  [/^auth\.login 401/, "invalid_credentials"],
  [/^auth\.refresh 401/, "invalid_refresh_token"],
  [/^auth\.(changePassword|changeEmail|deleteMe) 403/, "wrong_password"],
  [/^auth\.register 409/, "account_exists"],
  [
    /^auth\.(changePassword|deleteMe|refresh|verifyEmail|resetPassword|checkMailToken) 429/,
    "attempts_exceeded",
  ],
  [/^auth\.(request\w+|changeEmail) 429/, "mail_limit_exceeded"],
  [/^transfers\.offer 429/, "mail_limit_exceeded"],
  [/^apiKeys\.revoke 400/, "api_key_already_revoked"],
  [/^developerKeys\.revoke 400/, "developer_key_already_revoked"],
  [/^developerKeys\.rotate 400/, "developer_key_not_active"],
  [/^apiKeys\.rotate 409/, "api_key_already_rotated"],
  [/^projects\.restore 409/, "restore_window_over"],
  [/^generations\.create 409/, "idempotency_key_in_use"],
  [/^generations\.cancel 409/, "generation_not_running"],
  [/^generations\.createUploads 429/, "upload_limit_reached"],
  [/^generations\.createAnonymous 429/, "anonymous_limit_reached"],
  [/^generations\.create 429/, "quota_exceeded"],
  [/^generations\.\w+ 502/, "storage_error"],
  [/^generations\.create(Anonymous)? 413/, "file_too_large"],
  [/^generations\.create(Anonymous)? 415/, "unsupported_image"],
  [/^generations\.(image|exampleImage) 404/, "image_not_found"],
  [/^generations\.(get|getAnonymous|setPublic|cancel|delete) 404/, "generation_not_found"],
  [/^webhooks\.\w+ 401/, "invalid_webhook_signature"],
  [/^webhooks\.\w+ 502/, "replicate_error"],
  [/^users\.(update|delete) 404/, "user_not_found"],
  [/^sessions\.revoke 404/, "session_not_found"],
  [/^developerKeys\.(rotate|revoke) 404/, "developer_key_not_found"],
  [/^apiKeys\.(rotate|revoke|usage) 404/, "api_key_not_found"],
  [/^projects\.setPlan 403/, "operators_only"],
  [/^health\.detailed 403/, "operators_only"],
];

/** What differs from the example of the schema, which has ended well. */
const unfinished = { generated_image_url: null, images: [] };
const otherwise: [RegExp, Schema][] = [
  [/^generations\.create/, { ...unfinished, status: "pending", completed_at: null }],
  [/^generations\.cancel$/, { ...unfinished, status: "canceled", charged: false }],
];

/** An answer that is no error, as the operation gives it. */
export function answerExample(operationId: string, schema: Schema, resolve: Resolve): unknown {
  const example = exampleOf(schema, resolve);
  const [, changes] = otherwise.find(([pattern]) => pattern.test(operationId)) ?? [];
  if (changes === undefined || !("status" in (example as Schema))) return example;
  return { ...(example as Schema), ...changes };
}

const retryAfterSeconds = 30;

/** An error as the operation answers it. `field` is the place of one that can be wrong. */
export function errorExample(operationId: string, status: string, field: string[]): Schema {
  const code = known.find(([pattern]) => pattern.test(`${operationId} ${status}`))?.[1] ?? usual[status];
  const error =
    status === "422"
      ? field[0] === "body"
        ? invalidField(field, "is missing", "invalid_type")
        : invalidField(field, "is not valid", "invalid_format")
      : new ApiError(code ?? "internal_error", status === "429" ? { retryAfterSeconds } : {});
  return {
    detail: error.detail,
    code: error.code,
    request_id: "3d1b9f7e-7c25-4a6a-8d4c-2f6a8e0c4b09",
    ...(error.errors && { errors: error.errors }),
    ...(error.retryAfterSeconds && { retry_after: error.retryAfterSeconds }),
  };
}
