import type { Context, ErrorHandler, NotFoundHandler } from "hono";
import { HTTPException } from "hono/http-exception";
import type { AppEnv } from "../context.ts";
import { ApiError } from "../errors.ts";
import { answer } from "./head.ts";

/** Turns every failure into an answer. */
export const handleErrors: ErrorHandler<AppEnv> = (thrown, c) => {
  const error = toApiError(thrown);
  const cause = error.status >= 500 ? (error.cause ?? thrown) : undefined;
  c.set("failure", { code: error.code, cause });
  return render(c, error);
};

export const handleNotFound: NotFoundHandler<AppEnv> = (c) => render(c, new ApiError("not_found"));

function render(c: Context<AppEnv>, error: ApiError): Response {
  const head = c.get("head");
  if (error.status === 401) head["WWW-Authenticate"] = "Bearer";
  // A page of a refused origin may not read the reason.
  if (error.code === "origin_not_allowed") delete head["Access-Control-Allow-Origin"];
  if (error.retryAfterSeconds !== undefined) head["Retry-After"] = String(error.retryAfterSeconds);
  const docs = c.get("deps").env.docs_url;
  return answer(
    c,
    JSON.stringify({
      detail: error.detail,
      code: error.code,
      request_id: c.get("requestId"),
      ...(docs === undefined ? {} : { doc_url: `${docs}/errors.html#${error.code}` }),
      ...(error.errors === undefined ? {} : { errors: error.errors }),
      ...(error.retryAfterSeconds === undefined ? {} : { retry_after: error.retryAfterSeconds }),
    }),
    error.status,
  );
}

function toApiError(thrown: unknown): ApiError {
  if (thrown instanceof ApiError) return thrown;
  if (thrown instanceof HTTPException) {
    if (thrown.status === 413) return new ApiError("payload_too_large");
    if (thrown.status < 500) return new ApiError("malformed_json", { cause: thrown });
  }
  return new ApiError("internal_error", { cause: thrown });
}
