import { ApiError, type FieldError, RateLimitError } from "./errors.ts";
import { parseRetryAfter } from "./retry-delay.ts";

/** Every answer of the API is an object or a list; only 204 is empty. @throws ApiError unexpected_answer */
export function parseAnswer(response: Response, text: string): unknown {
  if (text === "" && response.status === 204) return undefined;
  const value = parseJson(text);
  if (typeof value !== "object" || value === null) throw unexpected(response);
  return value;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Returns only codes and system names, since a message could quote a header and so a key. */
export function reasonOf(error: unknown): string {
  const { code, cause, name } = (error ?? {}) as {
    code?: unknown;
    cause?: { code?: unknown };
    name?: unknown;
  };
  return String(cause?.code ?? code ?? name ?? "unknown reason");
}

const retryAfterOf = ({ headers }: Response) =>
  parseRetryAfter(headers.get("retry-after"), headers.get("date"));

const wrongUrl = "Check `url` of createClient: the base address, without /api/v1.";

/** The error about an answer that is not from the API. */
export function unexpected(response: Response, advice = wrongUrl): ApiError {
  const type = response.headers.get("content-type") ?? "nothing";
  const location = response.headers.get("location");
  // A browser does not show the target of a redirect.
  const target = response.type === "opaqueredirect" ? "another address" : location?.split(/[?#]/)[0];
  const where = target === undefined ? "" : `, a redirect to ${target}`;
  return new ApiError({
    status: response.status,
    code: "unexpected_answer",
    detail: `This is not an answer of the API: status ${response.status} with ${type}${where}. ${advice}`,
    requestId: response.headers.get("x-request-id"),
    retryAfterMs: retryAfterOf(response),
  });
}

/** @throws ApiError with the API's error, or the error that the answer is not from the API */
export function reject(response: Response, text: string, advice?: string): never {
  const body = (parseJson(text) ?? {}) as {
    detail?: unknown;
    code?: unknown;
    request_id?: string;
    doc_url?: unknown;
    errors?: FieldError[];
    retry_after?: number;
  };
  if (typeof body.detail !== "string" || typeof body.code !== "string") throw unexpected(response, advice);
  const inBody = typeof body.retry_after === "number" ? Math.round(body.retry_after * 1000) : null;
  const Kind = response.status === 429 ? RateLimitError : ApiError;
  throw new Kind({
    status: response.status,
    code: body.code,
    detail: body.detail,
    requestId: body.request_id ?? response.headers.get("x-request-id"),
    docUrl: typeof body.doc_url === "string" ? body.doc_url : null,
    errors: body.errors,
    // A browser hides the header unless the server exposes it.
    retryAfterMs: retryAfterOf(response) ?? inBody,
  });
}
