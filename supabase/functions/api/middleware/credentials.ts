import type { MiddlewareHandler } from "hono";
import { readBearer } from "../bearer.ts";
import type { LimitOfRequest } from "../clients/database.ts";
import type { AppEnv, Credentials, Deps } from "../context.ts";
import { ApiError } from "../errors.ts";
import { hashWellFormedKey } from "../key.ts";
import { keyKinds } from "../key-kinds.ts";
import { toUuid } from "../uuid.ts";
import { deviceOf } from "./device-of.ts";

const maxOrigin = 512;
const maxRole = 32;

/** @throws ApiError invalid_token when the header is missing or is no bearer token */
export function bearerOf(headers: Headers): string {
  const token = readBearer(headers.get("authorization"));
  if (token === undefined) throw new ApiError("invalid_token");
  return token;
}

/** Whether a bearer must be valid, counts only if it is valid, or is ignored. */
type Bearer = "checked" | "if_valid" | "ignored";

type Writable = { -readonly [Name in keyof Credentials]: Credentials[Name] };

/** Reads every credential of the request. A mistyped key or an invalid token is refused without a query. */
async function readCredentials(
  headers: Headers,
  deps: Pick<Deps, "tokens">,
  bearer: Bearer = "checked",
): Promise<Credentials> {
  const credentials: Writable = {};
  // An empty header counts as missing, since templates and proxies send such headers.
  const project = headers.get("x-project-id");
  if (project !== null && project !== "") {
    const id = toUuid(project);
    if (id === undefined) throw new ApiError("invalid_project_id");
    credentials.project_id = id;
  }
  if (headers.has("authorization") && bearer !== "ignored") {
    const claims = await verifyBearer(headers, deps, bearer);
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
  // An origin that is too long counts as `null`, like that of a page without an origin.
  if (origin !== null)
    Object.assign(credentials, { from_browser: true, origin: origin.length > maxOrigin ? "null" : origin });
  return credentials;
}

async function verifyBearer(headers: Headers, { tokens }: Pick<Deps, "tokens">, bearer: Bearer) {
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
    const deps = c.get("deps");
    const { ip, user_agent } = deviceOf(c);
    const credentials: Credentials = Object.freeze({
      ...(await readCredentials(c.req.raw.headers, deps, bearer)),
      ...(ip !== null && { ip }),
      ...(user_agent !== null && { user_agent }),
      request_id: c.get("requestId"),
    });
    c.set("credentials", credentials);
    const limit: LimitOfRequest = {};
    c.set("limit", limit);
    const database = deps.database.forRequest(limit);
    c.set("deps", { ...deps, database });
    c.set("caller", [database, credentials]);
    await next();
  };

/** Checks every credential that is sent. */
export const credentials = withBearer("checked");
/** Ignores the bearer where no sign-in is needed. Apps send old tokens with every request, and supabase-js a publishable key. */
export const credentialsWithoutBearer = withBearer("ignored");
export const credentialsIfValid = withBearer("if_valid");
