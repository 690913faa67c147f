/** An answer that ends the request; thrown, and rendered in one place. */
export class Problem extends Error {
  readonly status: number;
  readonly body: Record<string, unknown>;
  readonly headers: Record<string, string>;

  constructor(status: number, body: Record<string, unknown>, headers: Record<string, string> = {}) {
    super(String(body.detail ?? body.title ?? status));
    this.status = status;
    this.body = { ...body, status };
    this.headers = headers;
  }
}

export type InvalidField = { type: string; field: string; description: string };

export const unauthenticated = (sent: boolean) =>
  new Problem(401, {
    title: "Unauthenticated",
    detail: sent
      ? "You did not pass a valid authentication token"
      : "You did not pass an authentication token",
  });

export const notFound = () => new Problem(404, { detail: "The requested resource could not be found." });

export const malformed = (detail: string) => new Problem(400, { title: "Bad request", detail });

export const tooLarge = () =>
  new Problem(413, { title: "Request entity too large", detail: "The request body is too large." });

export const invalidVersion = () =>
  new Problem(422, {
    title: "Invalid version or not permitted",
    detail: "The specified version does not exist (or perhaps you don't have permission to use it?)",
  });

export function invalidInput(fields: InvalidField[]): Problem {
  const lines = fields.map(({ field, description }) => `- ${field ? `${field}: ` : ""}${description}\n`);
  return new Problem(422, {
    detail: lines.join(""),
    title: "Input validation failed",
    invalid_fields: fields,
  });
}

/** What the service says when it turns a create call away. `retry_after` in seconds, for 429 only. */
export function refusal(status: 402 | 422 | 429 | 500 | 503, retry_after: number): Problem {
  switch (status) {
    case 402:
      return new Problem(402, {
        title: "Insufficient credit",
        detail:
          "You have insufficient credit to run this model. Go to https://replicate.com/account/billing#billing" +
          " to purchase credit. Once you purchase credit, please wait a few minutes before trying again.",
      });
    case 422:
      return invalidInput([{ type: "required", field: "input", description: "prompt is required" }]);
    case 429:
      return new Problem(
        429,
        { detail: `Request was throttled. Your rate limit resets in ~${retry_after}s.`, retry_after },
        { "retry-after": String(retry_after) },
      );
    case 500:
      return new Problem(500, { title: "Internal server error", detail: "An internal error occurred." });
    case 503:
      return new Problem(503, {
        title: "Service unavailable",
        detail: "The service is temporarily unavailable.",
      });
  }
}
