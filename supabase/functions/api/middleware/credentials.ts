import type { MiddlewareHandler } from "hono";
import { clientAddress } from "../client-address.ts";
import type { AppEnv, Credentials, Deps } from "../context.ts";
import { ApiError } from "../errors.ts";
import { limitHeaders } from "../limits.ts";
import { hashWellFormedKey } from "../resources/keys/key-format.ts";

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

const keyHeaders = [
  ["x-operator-key", "ok", "operator_key_hash", "operator_key_invalid"],
  ["x-developer-key", "ak", "developer_key_hash", "developer_key_invalid"],
  ["x-api-key", "ak", "api_key_hash", "api_key_invalid"],
] as const;

/** @throws ApiError invalid_token when the header is missing or no bearer token. */
export function bearerOf(headers: Headers): string {
  const token = /^Bearer +([^\s]+)$/i.exec(headers.get("authorization") ?? "")?.[1];
  if (token === undefined) throw new ApiError("invalid_token");
  return token;
}

/** Reads every credential that was sent. A mistyped key or a bad token ends here, without a query. */
export async function readCredentials(headers: Headers, deps: Pick<Deps, "tokens">): Promise<Credentials> {
  const credentials: Credentials = {};
  // An empty header is one that was not sent: templates and proxies leave such.
  const project = headers.get("x-project-id");
  if (project) {
    if (!uuid.test(project)) throw new ApiError("invalid_project_id");
    credentials.project_id = project.toLowerCase();
  }
  if (headers.get("authorization")) {
    const claims = await deps.tokens.verify(bearerOf(headers));
    credentials.user_id = claims.user_id;
    credentials.session_id = claims.session_id;
  }
  for (const [header, prefix, field, refusal] of keyHeaders) {
    const key = headers.get(header);
    if (!key) continue;
    const hash = hashWellFormedKey(key, prefix);
    if (hash === null) throw new ApiError(refusal);
    credentials[field] = hash;
  }
  const role = headers.get("x-user-role");
  if (role) credentials.role = role;
  const origin = headers.get("origin");
  if (origin) Object.assign(credentials, { from_browser: true, origin });
  return credentials;
}

export const credentials: MiddlewareHandler<AppEnv> = async (c, next) => {
  const { headers } = c.req.raw;
  const found = await readCredentials(headers, c.get("deps"));
  const hops = c.get("deps").env.trusted_proxy_hops;
  const ip = clientAddress(headers.get("x-forwarded-for"), hops, c.env?.remoteAddress);
  if (ip !== undefined) found.ip = ip;
  const userAgent = headers.get("user-agent");
  if (userAgent !== null) found.user_agent = userAgent.slice(0, 500);
  found.request_id = c.get("requestId");
  c.set("credentials", found);
  await next();
  if (found.rate_limit) {
    for (const [name, value] of limitHeaders(found.rate_limit)) c.res.headers.set(name, value);
  }
};
