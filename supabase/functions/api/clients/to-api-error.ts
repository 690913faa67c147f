import { ApiError, isErrorCode } from "../errors.ts";
import type { RateLimit } from "../rate-limit.ts";

// SQLSTATE classes of a server that is temporarily unavailable.
const unavailable = /^(08|40|53|57|58)/;

/** The message of a raise is one of our codes, and its detail is JSON. Any other error is a fault of the server or of our code. */
export function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  const { code = "", message = "", detail } = error as { code?: string; message?: string; detail?: string };
  if (code === raised && isErrorCode(message)) {
    const { retry_after_seconds, rate_limit, is_final } = told(detail);
    return new ApiError(message, {
      ...(retry_after_seconds === undefined ? {} : { retryAfterSeconds: retry_after_seconds }),
      ...(rate_limit === undefined ? {} : { rateLimit: rate_limit }),
      ...(is_final === undefined ? {} : { isFinal: is_final }),
    });
  }
  if (code === "22021" || code === "22P05") return new ApiError("invalid_text", { cause: error });
  if (code.startsWith("22")) return new ApiError("validation_failed", { cause: error, detail: unstorable });
  if (unavailable.test(code)) return new ApiError("database_unavailable", { cause: error });
  return new ApiError("internal_error", { cause: error });
}

/** The default SQLSTATE of `raise exception`. */
const raised = "P0001";

/** SQLSTATE class 22: numbers, times and texts that Postgres cannot store. */
const unstorable = "A value of the request is out of range.";

type Told = { retry_after_seconds?: number; rate_limit?: RateLimit; is_final?: boolean };

function told(detail: string | undefined): Told {
  return detail === undefined ? {} : (JSON.parse(detail) as Told);
}
