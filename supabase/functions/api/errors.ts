import type { ContentfulStatusCode } from "hono/utils/http-status";
import type { RateLimit } from "./rate-limit.ts";
import { type Loc, sentenceAbout } from "./sentence-about.ts";
import { waitSentence } from "./wait-sentence.ts";

/** Every error code of the API, with its status and its sentence. A released code never changes. */
const table = {
  malformed_json: [400, "The body is not valid JSON."],
  malformed_body: [400, "The body ended early or is not well-formed multipart."],
  invalid_project_id: [400, "Invalid X-Project-ID format. Must be a valid UUID."],
  api_key_already_revoked: [400, "This API key is already revoked."],
  api_key_already_expired: [400, "This API key has already expired. Create a new one."],
  account_not_verified: [
    400,
    "Account not activated. Open the link in the mail that we sent you, or ask for a new mail, then log in.",
  ],
  verification_token_invalid: [
    400,
    "The link or code is wrong or expired, or too many codes were tried. Ask for a new mail.",
  ],
  verification_token_used: [400, "This link was used before. The address is confirmed, so you can log in."],
  reset_token_invalid: [400, "The link is wrong or expired. Ask for a new mail."],
  reset_token_used: [
    400,
    "This link was used before, or the password was changed since. Log in, or ask for a new mail.",
  ],
  mail_token_invalid: [400, "The link is not complete, or too old. Ask for a new mail."],
  developer_key_already_revoked: [400, "This developer key is revoked already."],
  developer_key_not_active: [400, "This developer key is not active any more, so it cannot be rotated."],
  refresh_token_reused: [
    401,
    "The refresh token was used before, so its session was ended for safety. Log in again.",
  ],
  invalid_refresh_token: [401, "The refresh token is invalid, used or expired. Log in again."],
  invalid_credentials: [401, "Incorrect email or password"],
  invalid_token: [401, "Could not validate credentials"],
  not_authenticated: [401, "Not authenticated. Send an access token as Authorization: Bearer."],
  management_key_required: [
    401,
    "Not authenticated. Send an access token, or a developer key made with management.",
  ],
  invalid_webhook_signature: [401, "The webhook signature is missing, wrong or older than five minutes."],
  invalid_cron_secret: [401, "The secret of the reconciler is missing or wrong."],
  account_deactivated: [403, "This account is deactivated."],
  project_inactive: [403, "This project is not active."],
  registration_key_required: [
    403,
    "Registration needs X-Operator-Key, or X-Developer-Key with X-Project-ID.",
  ],
  project_id_required: [403, "This request needs the header X-Project-ID."],
  project_suspended: [
    403,
    "An operator switched this project off or deleted it. Only an operator can bring it back.",
  ],
  account_suspended: [403, "An operator closed this account. Only an operator can open it again."],
  developer_key_required: [403, "This request needs the header X-Developer-Key."],
  api_key_required: [403, "This request needs the header X-API-Key."],
  operator_key_invalid: [403, "Invalid operator key."],
  operator_key_revoked: [403, "This operator key was revoked."],
  operator_key_expired: [403, "This operator key has expired."],
  developer_key_invalid: [403, "Invalid developer key."],
  developer_key_revoked: [403, "This developer key was revoked."],
  developer_key_rotated: [403, "This developer key was rotated and its grace period is over."],
  developer_key_expired: [403, "This developer key has expired."],
  api_key_invalid: [403, "Invalid API key for this project."],
  api_key_revoked: [403, "This API key was revoked."],
  api_key_rotated: [403, "This API key was rotated and its grace period is over."],
  api_key_expired: [403, "This API key has expired."],
  key_not_for_browsers: [403, "Operator and management keys are refused on requests from a browser."],
  wrong_password: [403, "The current password is not correct."],
  second_factor_enrolled: [
    403,
    "This account has a second factor, which this API does not ask for. Set a new password by mail: that removes it.",
  ],
  developer_key_in_use: [
    403,
    "This request is made with that key. Revoke it with another one, or with none.",
  ],
  developer_key_limit_reached: [403, "At most ten developer keys are active at once. Revoke one first."],
  origin_not_allowed: [403, "The project does not allow requests from this origin."],
  role_mismatch: [403, "X-User-Role does not match the role of the caller."],
  developers_only: [403, "Only developers and operators may do this."],
  operators_only: [403, "Only operators may do this."],
  project_limit_reached: [403, "The plan allows no further project. Delete one, or ask for a larger plan."],
  api_key_limit_reached: [
    403,
    "The plan allows no further active API key. Revoke one, or ask for a larger plan.",
  ],
  webhook_limit_reached: [403, "A project has at most ten webhooks. Delete one first."],
  model_not_allowed: [403, "The project's plan does not allow this model, or it does not exist."],
  anonymous_disabled: [403, "Generation without an account is switched off."],
  not_found: [404, "There is nothing at this address."],
  project_not_found: [404, "Project not found."],
  user_not_found: [404, "User not found."],
  session_not_found: [404, "Session not found."],
  developer_key_not_found: [404, "Developer key not found."],
  api_key_not_found: [404, "API key not found."],
  plan_not_found: [404, "Plan not found."],
  webhook_not_found: [404, "Webhook not found."],
  delivery_not_found: [404, "Delivery not found."],
  generation_not_found: [404, "Generation not found."],
  image_not_found: [404, "Image not found."],
  upload_not_found: [404, "Upload not found, used before, or nothing was uploaded to it."],
  transfer_not_found: [404, "There is no offer to hand this project over."],
  method_not_allowed: [405, "This address does not take this method."],
  body_timeout: [408, "The body did not arrive in time."],
  account_exists: [409, "An account with this email already exists."],
  password_change_running: [409, "The password is just being changed. Try again in a minute."],
  transfer_to_owner: [409, "The project belongs to this developer already."],
  api_key_already_rotated: [409, "This API key was already rotated."],
  restore_window_over: [409, "The project can no longer be restored: its data is being removed."],
  webhook_inactive: [409, "This webhook is switched off. Switch it on first."],
  generation_state_conflict: [409, "The generation has changed in the meantime."],
  generation_not_running: [409, "Only a pending or processing generation can be canceled."],
  idempotency_key_in_use: [409, "The first request with this Idempotency-Key is still running."],
  payload_too_large: [413, "The body is too large."],
  file_too_large: [413, "A file is too large. At most 10 MB each."],
  too_many_pixels: [413, "A picture has too many pixels. At most 8192 a side."],
  address_too_long: [414, "The address is too long."],
  unsupported_media_type: [415, "Unsupported Content-Type."],
  unsupported_image: [415, "A file is not a JPEG, PNG or WebP image."],
  validation_failed: [422, "The request is not valid."],
  invalid_text: [422, "The request contains characters that cannot be stored."],
  idempotency_key_reused: [422, "This Idempotency-Key was used with another request."],
  email_unchanged: [422, "The account has this address already."],
  weak_password: [
    422,
    "The password is too weak. Use at least 8 characters with a lower-case letter, an upper-case letter and a digit.",
  ],
  // Each of these sentences is followed by the time to wait.
  quota_exceeded: [429, "The pictures of this month are used up."],
  sent_limit_reached: [429, "Too many of this month's pictures were canceled or failed."],
  user_day_limit_reached: [429, "You have made all the pictures that you may make today."],
  user_month_limit_reached: [429, "You have made all the pictures that you may make this month."],
  user_concurrency_limit_reached: [429, "As many of your pictures as may be made at once are being made."],
  concurrency_limit_reached: [429, "Too many pictures are being made at once."],
  upload_limit_reached: [429, "Too many uploads are unused. Use them first."],
  anonymous_limit_reached: [429, "Today's pictures without an account are used up."],
  anonymous_budget_reached: [429, "No more pictures are made without an account today."],
  attempts_exceeded: [429, "Too many attempts."],
  mail_limit_exceeded: [429, "A mail was sent just now. Look into your inbox."],
  too_many_streams: [429, "Too many live streams are open. Close one, or ask for the status instead."],
  rate_limited: [429, "Too many requests."],
  internal_error: [500, "Something went wrong on our side."],
  payments_not_offered: [501, "Nothing is sold here, so there is nothing to pay."],
  auth_error: [502, "The authentication service gave an unusable answer."],
  storage_error: [502, "The file storage gave an unusable answer."],
  replicate_error: [502, "The image service gave an unusable answer."],
  database_unavailable: [503, "The database does not answer. Try again shortly."],
  auth_unavailable: [503, "The authentication service does not answer. Try again shortly."],
  storage_unavailable: [503, "The file storage does not answer. Try again shortly."],
  overloaded: [503, "Too much is being uploaded at once. Try again shortly."],
  generation_unavailable: [503, "Image generation is not configured."],
} as const satisfies Record<string, readonly [ContentfulStatusCode, string]>;

export type ErrorCode = keyof typeof table;
export const errorCodes = Object.keys(table) as ErrorCode[];
export const statusOf = (code: ErrorCode): ContentfulStatusCode => table[code][0];
export type FieldError = { loc: Loc; msg: string; type: string };

export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(table, code);
}

/** An answer that is not 2xx: `code` decides status and sentence; `cause` goes to the log and never to the caller. */
export class ApiError extends Error {
  readonly code: ErrorCode;
  readonly status: ContentfulStatusCode;
  readonly detail: string;
  readonly errors: FieldError[] | undefined;
  readonly retryAfterSeconds: number | undefined;
  /** The limit that refused the request. */
  readonly rateLimit: RateLimit | undefined;
  /** The same credentials are refused for good. */
  readonly isFinal: boolean;

  constructor(
    code: ErrorCode,
    options: {
      cause?: unknown;
      detail?: string;
      errors?: FieldError[];
      retryAfterSeconds?: number;
      rateLimit?: RateLimit;
      isFinal?: boolean;
    } = {},
  ) {
    super(code, { cause: options.cause });
    this.code = code;
    this.status = table[code][0];
    this.errors = options.errors;
    this.rateLimit = options.rateLimit;
    this.isFinal = options.isFinal ?? false;
    this.retryAfterSeconds = options.retryAfterSeconds ?? options.rateLimit?.resets_in;
    const sentence = options.detail ?? table[code][1];
    const isLimit = this.status === 429 && this.retryAfterSeconds !== undefined;
    this.detail = isLimit ? `${sentence} ${waitSentence(this.retryAfterSeconds ?? 0)}` : sentence;
  }
}

/** A 422 about one field. `predicate` follows the field's name ("may not be empty") or is a whole sentence. */
export function invalidField(loc: Loc, predicate: string, type = "value_error"): ApiError {
  return invalidFields([{ loc, msg: sentenceAbout(loc, predicate), type }]);
}

/** A 422 whose sentence is its first problem. */
export function invalidFields(errors: FieldError[]): ApiError {
  const [first] = errors;
  return new ApiError("validation_failed", first === undefined ? {} : { errors, detail: first.msg });
}
