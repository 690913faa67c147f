import type { FinishedGeneration } from "./finished-generation.ts";

/** One field that the API refused: its place, the problem as a sentence, and the kind of problem. */
export type FieldError = { loc: (string | number)[]; msg: string; type: string };

export type ApiErrorInit = {
  status: number;
  code: string;
  detail: string;
  requestId?: string | null;
  docUrl?: string | null;
  errors?: FieldError[] | undefined;
  retryAfterMs?: number | null;
};

const signIn = "The session has ended: sign in again with auth.login.";

/** Advice about what to change in the program, since the API's own sentence names headers. */
export const advice: Record<string, string> = {
  developer_key_required: "Pass developerKey to createClient.",
  api_key_required: "Pass apiKey to createClient.",
  project_id_required: "Pass projectId to createClient or to this call.",
  registration_key_required:
    "Pass developerKey and projectId to createClient; on a server that registers developers, operatorKey.",
  developer_key_invalid:
    "Compare developerKey with your .env: keys of another stack, or from before --fresh, are unknown here.",
  api_key_invalid: "Compare apiKey and projectId with your .env: they belong together.",
  origin_not_allowed: "Add this page's origin to allowed_origins of the project.",
  management_key_required:
    "Sign in with auth.login, or pass a developerKey made with management: true, on a server.",
  developers_only: "Sign in with auth.login as a developer, with no projectId.",
  operators_only: "Use a client with operatorKey on which nobody has signed in or registered.",
  account_exists: "Sign in with auth.login.",
  model_not_allowed: "Omit model to get the default one.",
  quota_exceeded: "generations.usage says when it resets.",
  not_found: "Check the url of createClient.",
  not_authenticated: "Sign in first with auth.login, or pass the session to createClient.",
  invalid_token: signIn,
  invalid_refresh_token: signIn,
  invalid_credentials:
    "End users sign in with the projectId of their project in createClient, developers without one.",
  key_not_for_browsers: "Make this call on your server.",
  validation_failed: "`errors` names every field.",
  concurrency_limit_reached: "Wait for one to end with generations.wait.",
  idempotency_key_reused: "Use one idempotencyKey for one request only.",
};

/** An error answer of the API. `code` is stable and for programs; `detail` is a sentence for people. */
export class ApiError extends Error {
  override readonly name: string = "ApiError";
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  /** Quote it when you ask for help: the server's log knows it. */
  readonly requestId: string | null;
  /** The URL of the guides' paragraph about `code`. Null when the guides are not published. */
  readonly docUrl: string | null;
  /** Empty unless `status` is 422. */
  readonly errors: FieldError[];
  /** The wait that the server asks for, in milliseconds. Null when it asks for none. */
  readonly retryAfterMs: number | null;

  constructor({ status, code, detail, errors = [], ...init }: ApiErrorInit) {
    const { requestId = null, docUrl = null, retryAfterMs = null } = init;
    const sentence = /[.!?…]$/.test(detail) ? detail : `${detail}.`;
    const wait =
      retryAfterMs === null || detail.includes("Try again in")
        ? ""
        : ` Try again in ${Math.ceil(retryAfterMs / 1000)} s.`;
    const next = Object.hasOwn(advice, code) ? ` ${advice[code]}` : "";
    super(
      `${sentence}${next}${wait} (${status} ${code}${requestId === null ? "" : `, request ${requestId}`})${docUrl === null ? "" : ` ${docUrl}`}`,
    );
    this.status = status;
    this.code = code;
    this.detail = detail;
    this.requestId = requestId;
    this.docUrl = docUrl;
    this.errors = errors;
    this.retryAfterMs = retryAfterMs;
  }
}

/** A limit is exceeded (429). The client has already waited and retried, unless the wait would be longer than a minute. */
export class RateLimitError extends ApiError {
  override readonly name: string = "RateLimitError";
}

/** There was no answer: the server or the network is down, or a browser refused the request (CORS). */
export class ConnectionError extends Error {
  override readonly name: string = "ConnectionError";
}

/** There was no answer in time. The server may have carried out the request. */
export class TimeoutError extends ConnectionError {
  override readonly name: string = "TimeoutError";
}

/** `generations.run` got no picture. `generation.error_code` has the reason. `generation.charged` says whether it was charged. */
export class GenerationError extends Error {
  override readonly name: string = "GenerationError";
  readonly generation: FinishedGeneration & { status: "failed" | "canceled" };

  constructor(generation: FinishedGeneration & { status: "failed" | "canceled" }) {
    const { id, status, error, error_code } = generation;
    super(`Generation ${id} is ${status}: ${error} (${error_code})`);
    this.generation = generation;
  }
}
