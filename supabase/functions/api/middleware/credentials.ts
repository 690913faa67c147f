import type { MiddlewareHandler } from "hono";
import { bearerIn } from "../bearer.ts";
import { clientAddress } from "../client-address.ts";
import type { AppEnv, Credentials, Deps } from "../context.ts";
import { ApiError } from "../errors.ts";
import { hashWellFormedKey } from "../key-format.ts";
import { keyKinds } from "../key-kinds.ts";
import { toUuid } from "../uuid.ts";

const maxOrigin = 512;
const maxRole = 32;

/** @throws ApiError invalid_token when the header is missing or no bearer token. */
export function bearerOf(headers: Headers): string {
  const token = bearerIn(headers.get("authorization"));
  if (token === undefined) throw new ApiError("invalid_token");
  return token;
}

/** What becomes of a bearer: it must be valid, it counts if it is valid, or it is not looked at. */
type Bearer = "checked" | "if_valid" | "ignored";

/** Reads every credential that was sent. A mistyped key or a bad token ends here, without a query. */
export async function readCredentials(
  headers: Headers,
  deps: Pick<Deps, "tokens">,
  bearer: Bearer = "checked",
): Promise<Credentials> {
  const credentials: Credentials = {};
  // An empty header is one that was not sent: templates and proxies leave such.
  const project = headers.get("x-project-id");
  if (project !== null && project !== "") {
    const id = toUuid(project);
    if (id === undefined) throw new ApiError("invalid_project_id");
    credentials.project_id = id;
  }
  if (headers.has("authorization") && bearer !== "ignored") {
    const claims = await readBearer(headers, deps, bearer);
    if (claims !== undefined) Object.assign(credentials, claims);
  }
  for (const { header, prefix, field, refusal } of keyKinds) {
    const key = headers.get(header);
    if (key === null || key === "") continue;
    const hash = hashWellFormedKey(key, prefix);
    if (hash === null) throw new ApiError(refusal);
    credentials[field] = hash;
  }
  const role = headers.get("x-user-role") ?? "";
  if (role !== "") credentials.role = role === "platform_operator" ? "operator" : role.slice(0, maxRole);
  const origin = headers.get("origin");
  // One that is too long is nobody's, like that of a page without an origin.
  if (origin !== null)
    Object.assign(credentials, { from_browser: true, origin: origin.length > maxOrigin ? "null" : origin });
  return credentials;
}

async function readBearer(headers: Headers, { tokens }: Pick<Deps, "tokens">, bearer: Bearer) {
  try {
    const { user_id, session_id } = await tokens.verify(bearerOf(headers));
    return { user_id, session_id };
  } catch (error) {
    if (bearer === "if_valid" && error instanceof ApiError && error.code === "invalid_token")
      return undefined;
    throw error;
  }
}

const withBearer =
  (bearer: Bearer): MiddlewareHandler<AppEnv> =>
  async (c, next) => {
    const { headers } = c.req.raw;
    const found = await readCredentials(headers, c.get("deps"), bearer);
    const hops = c.get("deps").env.trusted_proxy_hops;
    const ip = clientAddress(headers.get("x-forwarded-for"), hops, c.env?.remoteAddress);
    if (ip !== undefined) found.ip = ip;
    const userAgent = headers.get("user-agent");
    if (userAgent !== null) found.user_agent = userAgent.slice(0, 500);
    found.request_id = c.get("requestId");
    c.set("credentials", found);
    await next();
  };

/** Every credential that is sent is checked. */
export const credentials = withBearer("checked");
/** For what nobody has to be signed in for: apps send an old token with everything, and supabase-js a publishable key. */
export const credentialsWithoutBearer = withBearer("ignored");
export const credentialsIfValid = withBearer("if_valid");
