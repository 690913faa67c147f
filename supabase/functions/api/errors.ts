import type { ContentfulStatusCode } from "hono/utils/http-status";
import type { RateLimit } from "./rate-limit.ts";
import { type Loc, sentenceAbout } from "./sentence-about.ts";
import { waitSentence } from "./wait-sentence.ts";

/** Every error code of the API, with its status and its sentence. A released code never changes. */
const table = {
  malformed_json: [400, "The body is not valid JSON. Correct it and send it again."],
  malformed_body: [400, "The body ended early or is not valid multipart. Send it again."],
  invalid_project_id: [400, "Invalid X-Project-ID format. Must be a valid UUID."],
  api_key_already_revoked: [400, "This API key is already revoked. Use another key."],
  api_key_already_expired: [400, "This API key has already expired. Create a new one."],
  account_not_verified: [
    400,
    "Account not activated. Open the link in the mail that we sent you, or request a new mail. Then log in.",
  ],
  verification_token_invalid: [
    400,
    "The link or code is wrong or expired, or too many codes were tried. Request a new mail.",
  ],
  verification_token_used: [400, "This link was already used. Your address is confirmed, so you can log in."],
  reset_token_invalid: [400, "The link is wrong or expired. Request a new mail."],
  reset_token_used: [
    400,
    "This link was already used, or the password was changed later. Log in, or request a new mail.",
  ],
  mail_token_invalid: [400, "The link is incomplete or too old. Copy the whole link, or request a new mail."],
  developer_key_already_revoked: [400, "This developer key is already revoked. Use another key."],
  developer_key_not_active: [
    400,
    "This developer key is no longer active, so it cannot be rotated. Create a new one.",
  ],
  refresh_token_reused: [
    401,
    "The refresh token was already used, so its session was ended for safety. Log in again.",
  ],
  invalid_refresh_token: [401, "The refresh token is invalid, used or expired. Log in again."],
  invalid_credentials: [401, "Incorrect email or password"],
  invalid_token: [401, "Could not validate credentials"],
  not_authenticated: [401, "Not authenticated. Send an access token as Authorization: Bearer."],
  management_key_required: [
    401,
    "Not authenticated. Send an access token, or a developer key that was created with management.",
  ],
  invalid_webhook_signature: [
    401,
    "The webhook signature is missing, wrong or older than five minutes. Check the secret and the sender's clock.",
  ],
  invalid_cron_secret: [
    401,
    "The secret of the reconciler is missing or wrong. Compare it with the secret in the vault.",
  ],
  account_deactivated: [403, "This account is deactivated. Ask the developer of the app to activate it."],
  project_inactive: [403, "This project is not active. Its developer can activate it."],
  registration_key_required: [
    403,
    "Registration needs X-Operator-Key, or X-Developer-Key with X-Project-ID.",
  ],
  project_id_required: [403, "This request needs the header X-Project-ID."],
  project_suspended: [403, "An operator suspended or deleted this project. Only an operator can restore it."],
  account_suspended: [403, "An operator suspended this account. Only an operator can activate it again."],
  developer_key_required: [403, "This request needs the header X-Developer-Key."],
  api_key_required: [403, "This request needs the header X-API-Key."],
  operator_key_invalid: [403, "Invalid operator key. Check that it is complete."],
  operator_key_revoked: [403, "This operator key was revoked. Use another one."],
  operator_key_expired: [403, "This operator key has expired. Create a new one."],
  developer_key_invalid: [
    403,
    "Invalid developer key. Check that it is complete and belongs to the developer of the project.",
  ],
  developer_key_revoked: [403, "This developer key was revoked. Use another one."],
  developer_key_rotated: [
    403,
    "This developer key was rotated and its grace period is over. Use the new key.",
  ],
  developer_key_expired: [403, "This developer key has expired. Create a new one."],
  api_key_invalid: [403, "Invalid API key for this project. Check the key and X-Project-ID."],
  api_key_revoked: [403, "This API key was revoked. Use another one."],
  api_key_rotated: [403, "This API key was rotated and its grace period is over. Use the new key."],
  api_key_expired: [403, "This API key has expired. Create a new one."],
  key_not_for_browsers: [
    403,
    "Operator and management keys do not work on requests from a browser. Call the API from a server.",
  ],
  wrong_password: [403, "The current password is wrong. Nothing was changed."],
  second_factor_enrolled: [
    403,
    "This account has a second factor, which this API does not support. Reset the password by mail to remove it.",
  ],
  developer_key_in_use: [
    403,
    "A request cannot revoke the key that it sends. Revoke it with another key, or with only an access token.",
  ],
  developer_key_limit_reached: [
    403,
    "You have ten active developer keys, which is the maximum. Revoke one first.",
  ],
  origin_not_allowed: [
    403,
    "The project does not allow requests from this origin. Its developer can add the origin.",
  ],
  role_mismatch: [403, "X-User-Role does not match the role of the account. Correct the header or omit it."],
  developers_only: [403, "Only developers and operators may do this."],
  operators_only: [403, "Only operators may do this."],
  project_limit_reached: [403, "The plan allows no more projects. Delete one, or ask for a larger plan."],
  api_key_limit_reached: [
    403,
    "The plan allows no more active API keys. Revoke one, or ask for a larger plan.",
  ],
  webhook_limit_reached: [403, "The project has ten webhooks, which is the maximum. Delete one first."],
  model_not_allowed: [
    403,
    "The model does not exist, or the project's plan does not allow it. Choose one from GET /models.",
  ],
  anonymous_disabled: [403, "Generation without an account is disabled. Log in first."],
  not_found: [404, "No endpoint has this address. Compare it with the API reference."],
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
  upload_not_found: [
    404,
    "Upload not found, already used, or no file was uploaded. Upload the picture again.",
  ],
  transfer_not_found: [404, "There is no open offer for this project."],
  method_not_allowed: [405, "This endpoint does not support this method."],
  body_timeout: [408, "The body did not arrive in time. Send it again."],
  account_exists: [409, "An account with this email already exists."],
  password_change_running: [409, "Another request is changing the password. Try again in a minute."],
  transfer_to_owner: [409, "This developer already owns the project. Name another developer."],
  api_key_already_rotated: [409, "This API key was already rotated. Rotate the newer key."],
  restore_window_over: [409, "The project can no longer be restored: its data is being deleted."],
  webhook_inactive: [409, "This webhook is disabled. Enable it first."],
  generation_state_conflict: [409, "The generation changed in the meantime. Read it again."],
  generation_not_running: [409, "Only a pending or processing generation can be canceled."],
  idempotency_key_in_use: [
    409,
    "The first request with this Idempotency-Key is still running. Repeat the request later.",
  ],
  payload_too_large: [413, "The body is too large. Send less data."],
  file_too_large: [413, "A file is too large. Each file may have at most 10 MB."],
  too_many_pixels: [413, "A picture has too many pixels. Width and height may be at most 8192."],
  address_too_long: [414, "The URL is too long. Send fewer or shorter parameters."],
  unsupported_media_type: [415, "Unsupported Content-Type. Send JSON, or multipart for files."],
  unsupported_image: [415, "A file is not a JPEG, PNG or WebP image. Convert it to one of these formats."],
  validation_failed: [422, "The request is not valid."],
  invalid_text: [422, "The request contains characters that cannot be stored. Remove control characters."],
  idempotency_key_reused: [
    422,
    "This Idempotency-Key was used with another request. Create a new key for each request.",
  ],
  email_unchanged: [422, "The account already has this address. Enter another one."],
  weak_password: [
    422,
    "The password is too weak. Use at least 8 characters with a lower-case letter, an upper-case letter and a digit.",
  ],
  // Each of these sentences is followed by the time to wait.
  quota_exceeded: [429, "This project has used all pictures of this month."],
  sent_limit_reached: [429, "Too many pictures of this project were canceled or failed this month."],
  user_day_limit_reached: [429, "You have used all your pictures for today."],
  user_sent_limit_reached: [429, "Too many of your pictures failed or were canceled."],
  user_month_limit_reached: [429, "You have used all your pictures for this month."],
  user_concurrency_limit_reached: [429, "Your earlier pictures are still being made."],
  concurrency_limit_reached: [429, "Too many pictures of this project are being made at once."],
  upload_limit_reached: [429, "Too many uploads are unused. Use them first."],
  anonymous_limit_reached: [429, "You have used all pictures without an account for today."],
  anonymous_budget_reached: [429, "All pictures without an account are used up for today."],
  attempts_exceeded: [429, "Too many attempts."],
  mail_limit_exceeded: [429, "A mail was sent less than a minute ago. Check your inbox."],
  too_many_streams: [429, "Too many live streams are open. Close one, or poll the status."],
  rate_limited: [429, "Too many requests."],
  internal_error: [500, "An internal error happened. Try again later."],
  payments_not_offered: [501, "This service does not offer payments."],
  auth_error: [502, "The authentication service returned an invalid response. Try again later."],
  storage_error: [502, "The file storage returned an invalid response. Try again later."],
  replicate_error: [502, "The image service returned an invalid response. Try again later."],
  database_unavailable: [503, "The database does not respond. Try again shortly."],
  auth_unavailable: [503, "The authentication service does not respond. Try again shortly."],
  storage_unavailable: [503, "The file storage does not respond. Try again shortly."],
  overloaded: [503, "Too many uploads are running at once. Try again shortly."],
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
  /** Whether these credentials will always be refused. */
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
