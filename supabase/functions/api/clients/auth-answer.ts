import { ApiError, type ErrorCode, invalidField } from "../errors.ts";
import { predicates } from "../predicates.ts";

/** An answer of Supabase Auth. `code` is its reason in any API version. `body` is empty when the answer is no object. */
export type AuthAnswer = {
  status: number;
  code: string | undefined;
  body: Record<string, unknown>;
  is_object: boolean;
};

type Verdict = "refused" | "reused" | "bad_address" | "same_password" | ErrorCode;

/**
 * For each operation, the codes by which Auth judges the user's own input. Any other answer is a fault on our side.
 * A disabled key, a disabled provider and a captcha say nothing about a password.
 * https://supabase.com/docs/guides/auth/debugging/error-codes
 */
const verdicts = {
  sign_in: {
    invalid_credentials: "refused",
    // Auth answers this before it checks the password, so it must look like a wrong password.
    user_banned: "refused",
    email_not_confirmed: "account_not_verified",
  },
  refresh: {
    // The refresh token is the only input of this call, so it must be the invalid one.
    validation_failed: "refused",
    refresh_token_not_found: "refused",
    refresh_token_already_used: "reused",
    session_not_found: "refused",
    session_expired: "refused",
    user_banned: "refused",
  },
  create_user: {
    email_exists: "account_exists",
    user_already_exists: "account_exists",
    weak_password: "weak_password",
    validation_failed: "bad_address",
    email_address_invalid: "bad_address",
  },
  read_user: { user_not_found: "refused" },
  delete_user: { user_not_found: "refused" },
  set_password: { user_not_found: "user_not_found", weak_password: "weak_password" },
  set_email: {
    user_not_found: "user_not_found",
    email_exists: "account_exists",
    validation_failed: "bad_address",
    email_address_invalid: "bad_address",
  },
  delete_factor: { mfa_factor_not_found: "refused", user_not_found: "refused" },
  change_password: {
    weak_password: "weak_password",
    same_password: "same_password",
    current_password_invalid: "wrong_password",
    current_password_required: "wrong_password",
    insufficient_aal: "second_factor_enrolled",
    bad_jwt: "invalid_token",
    session_expired: "invalid_token",
    session_not_found: "invalid_token",
    user_banned: "invalid_token",
    user_not_found: "invalid_token",
  },
} as const satisfies Record<string, Record<string, Verdict>>;

export type AuthOperation = keyof typeof verdicts;

/** Auth always asks for 60 seconds, but its buckets allow another call after three. */
const retryAfterSeconds = 3;

/** The form is `{code: 400, error_code, msg}` before API version 2024-01-01, and `{code: "…", message}` since. */
export function readAnswer(status: number, text: string): AuthAnswer {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    body = null;
  }
  const is_object = typeof body === "object" && body !== null && !Array.isArray(body);
  const object = (is_object ? body : {}) as Record<string, unknown>;
  const code = [object.error_code, object.code].find((value) => typeof value === "string");
  return { status, code, body: object, is_object };
}

const repeatable: AuthOperation[] = ["sign_in", "refresh"];

/** Whether to repeat a call. Auth gave up because another call held the row, and a second call does no harm. */
export const mayRepeat = (operation: AuthOperation, answer: AuthAnswer) =>
  repeatable.includes(operation) && isBusy(answer) && verdictOf(operation, answer) === undefined;

/**
 * Decides what an answer of Auth means. No other code does.
 * @returns "done", "refused" or "reused" @throws ApiError for everything else
 */
export function meaningOf(operation: AuthOperation, answer: AuthAnswer): "done" | "refused" | "reused" {
  // An HTML page of a proxy before Auth is not a success.
  if (answer.status >= 200 && answer.status < 300 && answer.is_object) return "done";
  const verdict = verdictOf(operation, answer);
  // Auth's message can contain constraints and addresses. Its code is enough for the log.
  const cause = new Error(
    `Auth answered ${answer.status} ${answer.code ?? "without a code"} to ${operation}`,
  );
  if (verdict === "refused" || verdict === "reused") return verdict;
  if (verdict === "bad_address") throw invalidField(["body", "email"], "is not an address that can sign in");
  if (verdict === "same_password")
    throw invalidField(["body", "new_password"], predicates.different_password);
  if (verdict !== undefined) throw new ApiError(verdict, { cause });
  if (answer.status === 429) throw new ApiError("rate_limited", { cause, retryAfterSeconds });
  const passes = answer.status >= 500 || isBusy(answer);
  throw new ApiError(passes ? "auth_unavailable" : "auth_error", { cause });
}

const isBusy = ({ status }: AuthAnswer) => status === 409 || status === 408;

function verdictOf(operation: AuthOperation, { status, code }: AuthAnswer): Verdict | undefined {
  const known: Record<string, Verdict> = verdicts[operation];
  const speaks = status >= 400 && status < 500 && code !== undefined && Object.hasOwn(known, code);
  return speaks ? known[code] : undefined;
}
