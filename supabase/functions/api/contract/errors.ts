import { type ErrorCode, statusOf } from "../errors.ts";
import { errorSchema } from "./error-schema.ts";

const meanings: Record<number, string> = {
  400: "The request is malformed, or the account's email address is not verified.",
  401: "The access token is missing, invalid or expired, or the credentials are wrong.",
  403: "The caller may not do this, or a key is missing or invalid.",
  404: "The resource does not exist, or it belongs to somebody else.",
  408: "The request body arrived too slowly.",
  409: "The request conflicts with the current state of the resource.",
  413: "The request body or a file is too large.",
  415: "The media type of the body or of a file is not supported.",
  422: "A field is invalid. `errors` names it.",
  429: "A limit is exceeded. Wait as many seconds as `Retry-After` says.",
  501: "This service does not offer payments.",
  502: "A service behind the API returned an invalid response. Try again later.",
  503: "A service behind the API does not respond. Try again later.",
};

/** The field with an answer's error codes. The OpenAPI document replaces it by an example of each code. */
export const codesField = "x-codes";

/** The error answers of a route, by code. Handlers throw them, so the route's type contains only 2xx answers. */
export function errors(...codes: (ErrorCode | readonly ErrorCode[])[]): object {
  const byStatus = Map.groupBy(new Set(codes.flat()), statusOf);
  const answers = [...byStatus].map(([status, alike]) => [
    status,
    {
      description: meanings[status] ?? "",
      content: { "application/json": { schema: errorSchema } },
      [codesField]: alike,
    },
  ]);
  return Object.fromEntries(answers);
}

const keys = [
  "invalid_project_id",
  "project_not_found",
  "operator_key_invalid",
  "operator_key_revoked",
  "operator_key_expired",
  "developer_key_invalid",
  "developer_key_revoked",
  "developer_key_rotated",
  "developer_key_expired",
  "api_key_invalid",
  "api_key_revoked",
  "api_key_rotated",
  "api_key_expired",
  "key_not_for_browsers",
  "role_mismatch",
  "database_unavailable",
] as const;
const signedIn = [
  ...keys,
  "invalid_token",
  "not_authenticated",
  "account_deactivated",
  "account_not_verified",
  "project_inactive",
  "auth_unavailable",
] as const;
const account = [...signedIn, "origin_not_allowed", "rate_limited"] as const;
const storage = ["storage_error", "storage_unavailable"] as const;
const auth = ["auth_error", "auth_unavailable", "rate_limited"] as const;

/** Error codes of checks that many routes share. */
export const checks = {
  // Checks of the caller: one list for each scope of private.authorize.
  public: [...keys, "origin_not_allowed", "rate_limited"],
  account,
  platform: [...signedIn, "origin_not_allowed"],
  projects: [...signedIn, "rate_limited", "management_key_required", "developers_only"],
  generation: [...account, "project_id_required", "developer_key_required", "api_key_required"],
  // Checks of the body.
  json: [
    "malformed_json",
    "body_timeout",
    "payload_too_large",
    "unsupported_media_type",
    "validation_failed",
  ],
  pictures: [
    ...storage,
    "malformed_body",
    "file_too_large",
    "too_many_pixels",
    "unsupported_image",
    "overloaded",
  ],
  // Failures of services.
  auth,
  storage,
  /** The check of the caller's password. */
  password: [...auth, "wrong_password", "attempts_exceeded"],
} as const satisfies Record<string, readonly ErrorCode[]>;
