import { isIP } from "node:net";
import type { Context, MiddlewareHandler } from "hono";
import { authBucket } from "./auth-bucket.ts";
import { authRefusal } from "./auth-refusal.ts";
import type { StackConfig } from "./config.ts";
import type { Keys } from "./keys.ts";
import type { PlatformEnv } from "./to-lite.ts";

type Check = MiddlewareHandler<PlatformEnv>;
type ServerKeys = Pick<Keys, "secret" | "service_role">;

export function jsonObject(text: string): Record<string, unknown> | undefined {
  try {
    const found: unknown = JSON.parse(text);
    if (typeof found === "object" && found !== null && !Array.isArray(found))
      return found as Record<string, unknown>;
  } catch {}
  return undefined;
}

/** The body of the call; an empty object if it is not a JSON object. */
export const fieldsOf = (c: Context<PlatformEnv>) => jsonObject(c.var.body) ?? {};

/** Limits the calls of one address per five minutes. */
export function limited(perPeriod: unknown, keys: ServerKeys): Check {
  const take = authBucket(Number(perPeriod));
  return (c, next) => {
    if (take(addressOf(c, keys))) return next();
    throw authRefusal(429, "over_request_rate_limit", "Request rate limit reached");
  };
}

/** The address that is counted. A server with the secret key may name its client's address. */
function addressOf(c: Context<PlatformEnv>, { secret, service_role }: ServerKeys): string {
  const told = c.req.header("sb-forwarded-for")?.split(",")[0]?.trim();
  const isOurs = [secret, service_role].includes(c.req.header("apikey") ?? "");
  return isOurs && told && isIP(told) !== 0 ? told : (c.env.incoming.socket.remoteAddress ?? "");
}

/** Refuses second factors, as the configuration requires. The embedded stack has none. */
export function factors(config: StackConfig): Check {
  return (c) => {
    if (!/^Bearer\s+\S/i.test(c.req.header("authorization") ?? ""))
      throw authRefusal(401, "no_authorization", "This endpoint requires a valid Bearer token");
    if (config.section("auth.mfa.totp").enroll_enabled !== true)
      throw authRefusal(422, "mfa_totp_enroll_not_enabled", "MFA enroll is disabled for TOTP");
    throw authRefusal(501, "not_implemented", "The embedded stack has no second factors");
  };
}

/** Requests for Auth's own mails must not create an account or fill an inbox. */
export function mailed(config: StackConfig): Check {
  const signs_up = config.section("auth").enable_signup === true;
  const frequency = String(config.section("auth.email").max_frequency ?? "1m");
  return async (c, next) => {
    const path = c.req.path.slice(c.req.path.lastIndexOf("/"));
    const { email, create_user } = fieldsOf(c);
    const address = typeof email === "string" ? email.trim().toLowerCase().slice(0, 320) : "";
    const [user] = await c.var.sql<{ wait: number | null }[]>`
      select ceil(extract(epoch from greatest(recovery_sent_at, confirmation_sent_at)
        + ${frequency}::interval - now()))::int as wait
      from auth.users where email = ${address} limit 1`;
    if (user === undefined) {
      if (path === "/recover" || path === "/resend" || signs_up) return next();
      if (path === "/otp" && create_user === false)
        throw authRefusal(422, "otp_disabled", "Signups not allowed for otp");
      throw authRefusal(422, path === "/otp" ? "otp_disabled" : "signup_disabled", "Signups not allowed");
    }
    if (user.wait === null || user.wait <= 0) return next();
    const msg = `For security purposes, you can only request this after ${user.wait} seconds.`;
    throw authRefusal(429, "over_email_send_rate_limit", msg);
  };
}

/** Requires the current password for a change of the password, if the configuration does. */
export function currentPassword(config: StackConfig): Check {
  const isAsked = config.section("auth.email").require_current_password === true;
  return async (c, next) => {
    const { password, current_password: current } = fieldsOf(c);
    if (!isAsked || typeof password !== "string") return next();
    // Without a valid token lite refuses the call, so that nobody learns whether a password is correct.
    const id = await callerOf(c);
    if (id === undefined) return next();
    if (typeof current !== "string" || current === "") {
      const msg = "Current password required when setting new password.";
      throw authRefusal(400, "current_password_required", msg);
    }
    const [row] = await c.var.sql<{ right: boolean }[]>`
      select encrypted_password = extensions.crypt(${current}, encrypted_password) as right
      from auth.users where id::text = ${id}`;
    if (row !== undefined && row.right !== true)
      throw authRefusal(400, "current_password_invalid", "Current password is not correct.");
    return next();
  };
}

/** The account of the token, if lite accepts the token. */
async function callerOf({ env, req, var: { authorization = "", lite } }: Context<PlatformEnv>) {
  const headers = { authorization, apikey: req.header("apikey") ?? "" };
  const answer = await lite.fetch(new Request(req.url, { headers }), env.incoming.socket.remoteAddress);
  return answer.ok ? ((await answer.json()) as { id?: string }).id : undefined;
}
