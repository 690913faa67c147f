import type { Context } from "hono";
import { clientAddress } from "../../client-address.ts";
import type { Tokens as AuthTokens } from "../../clients/auth.ts";
import type { AppEnv } from "../../context.ts";
import { ApiError } from "../../errors.ts";
import type { Tokens } from "./schemas.ts";
import { type Device, openSession } from "./store.ts";

export function deviceOf(c: Context<AppEnv>): Device {
  const { env } = c.get("deps");
  const ip = clientAddress(
    c.req.header("x-forwarded-for") ?? null,
    env.trusted_proxy_hops,
    c.env?.remoteAddress,
  );
  return { ip: ip ?? null, user_agent: c.req.header("user-agent")?.slice(0, 500) ?? null };
}

/**
 * Lets freshly issued tokens be used, if their account may sign in.
 * @throws ApiError account_deactivated, account_not_verified, project_inactive, invalid_token; the session is gone then.
 */
export async function openTokens(c: Context<AppEnv>, issued: AuthTokens): Promise<Tokens> {
  const { database, tokens } = c.get("deps");
  const claims = await tokens.verify(issued.access_token);
  const { refusal } = await openSession(database, claims.user_id, claims.session_id, deviceOf(c));
  if (refusal !== null) throw new ApiError(refusal);
  return { ...issued, token_type: "bearer" };
}
