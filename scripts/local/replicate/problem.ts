import { HTTPException } from "hono/http-exception";

/** An error in the form of the service: JSON that contains the status. */
export function problem(
  status: number,
  body: Record<string, unknown>,
  headers: Record<string, string> = {},
): HTTPException {
  return new HTTPException(status as 400, { res: Response.json({ ...body, status }, { status, headers }) });
}

/** For a model that runs by its version, "not found" is an error of the input. */
export const notFound = (byVersion = false): HTTPException => {
  if (!byVersion) return problem(404, { detail: "The requested resource could not be found." });
  const title = "Invalid version or not permitted";
  return problem(422, { title, detail: "The specified version does not exist" });
};

const refusals: Record<number, { title: string; detail: string }> = {
  402: { title: "Insufficient credit", detail: "You have insufficient credit to run this model." },
  422: { title: "Input validation failed", detail: "- input: prompt is required\n" },
  500: { title: "Internal server error", detail: "An internal error occurred." },
  503: { title: "Service unavailable", detail: "The service is temporarily unavailable." },
};

/** A refusal in the words of the service. `retryAfter` is in seconds, and only for 429. */
export function refusal(status: number, retryAfter = 1): HTTPException {
  if (status !== 429) return problem(status, { ...refusals[status] });
  const detail = `Request was throttled. Your rate limit resets in ~${retryAfter}s.`;
  return problem(429, { detail, retry_after: retryAfter }, { "retry-after": String(retryAfter) });
}
