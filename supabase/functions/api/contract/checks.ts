import type { ErrorCode } from "../errors.ts";

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
