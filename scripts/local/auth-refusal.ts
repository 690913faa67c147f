import { HTTPException } from "hono/http-exception";

/** A refusal in the form of Supabase Auth: `{code, error_code, msg}`. */
export function authRefusal(
  status: number,
  error_code: string,
  msg: string,
  more: Record<string, unknown> = {},
): HTTPException {
  const headers = new Headers({ "x-sb-error-code": error_code });
  if (status === 429) headers.set("retry-after", "60");
  const res = Response.json({ code: status, error_code, msg, ...more }, { status, headers });
  return new HTTPException(status as 400, { message: msg, res });
}
