import { describe, expect, test } from "vitest";
import { toApiError } from "./clients/to-api-error.ts";
import { ApiError, invalidFields, isErrorCode } from "./errors.ts";
import { describe as describeError } from "./redact.ts";

describe("stable errors", () => {
  test.each([
    ["invalid_credentials", 401, /^Incorrect email or password$/],
    ["account_not_verified", 400, /^Account not activated/],
    ["account_exists", 409, /already exists/],
    ["invalid_token", 401, /^Could not validate credentials$/],
    ["invalid_project_id", 400, /^Invalid X-Project-ID format\. Must be a valid UUID\.$/],
  ] as const)(
    "the error %s keeps the status %i and the sentence that older clients compare",
    (code, status, detail) => {
      const error = new ApiError(code);
      expect(error.status).toBe(status);
      expect(error.detail).toMatch(detail);
    },
  );
});

test("property names of Object are not error codes", () => {
  for (const name of ["constructor", "toString", "__proto__", ""]) expect(isErrorCode(name)).toBe(false);
  expect(isErrorCode("not_found")).toBe(true);
});

test("a 422 has the first problem as its sentence, and all problems as a list", () => {
  const error = invalidFields([
    { loc: ["body", "email"], msg: "The email address is missing.", type: "invalid_type" },
    { loc: ["body", "password"], msg: "The password must contain a digit.", type: "custom" },
  ]);
  expect(error).toMatchObject({
    status: 422,
    code: "validation_failed",
    detail: "The email address is missing.",
  });
  expect(error.errors).toHaveLength(2);
});

describe("database errors", () => {
  test.each([
    [{ code: "P0001", message: "project_not_found" }, "project_not_found"],
    [{ code: "P0001", message: "no_such_code" }, "internal_error"],
    [{ code: "P0002", message: "project_not_found" }, "internal_error"],
    [{ code: "22021", message: "invalid byte sequence" }, "invalid_text"],
    [{ code: "22P05", message: "unsupported Unicode escape sequence" }, "invalid_text"],
    [{ code: "22003", message: "integer out of range" }, "validation_failed"],
    [{ code: "22008", message: "timestamp out of range" }, "validation_failed"],
    [{ code: "22P02", message: "invalid input syntax for type uuid" }, "validation_failed"],
    [{ code: "57P01", message: "terminating connection" }, "database_unavailable"],
    [{ code: "53300", message: "too many connections" }, "database_unavailable"],
    [{ code: "23505", message: "duplicate key" }, "internal_error"],
    [{ message: "anything" }, "internal_error"],
  ])("the database error %j becomes %s", (thrown, code) => {
    expect(toApiError(thrown).code).toBe(code);
  });

  test("a database error keeps the wait or the rate limit of its detail", () => {
    const raise = (detail?: unknown) =>
      toApiError({
        code: "P0001",
        message: "quota_exceeded",
        ...(detail === undefined ? {} : { detail: JSON.stringify(detail) }),
      });
    const rate_limit = { name: "reads", limit: 10, remaining: 0, window: 60, resets_in: 7 } as const;
    expect(raise({ retry_after_seconds: 42 })).toMatchObject({ retryAfterSeconds: 42, rateLimit: undefined });
    expect(raise({ rate_limit })).toMatchObject({ retryAfterSeconds: 7, rateLimit: rate_limit });
    expect(raise()).toMatchObject({ retryAfterSeconds: undefined, rateLimit: undefined });
  });
});

test("the log names an error and its causes", () => {
  const cause = Object.assign(new Error("connect"), { code: "ECONNREFUSED" });
  expect(describeError(new Error("call failed", { cause }))).toBe(
    "Error: call failed ← Error: connect (ECONNREFUSED)",
  );
  expect(describeError("a secret text")).toBe("string");
});
