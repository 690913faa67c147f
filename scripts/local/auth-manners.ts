import type { IncomingMessage, ServerResponse } from "node:http";
import { isIP } from "node:net";
import type postgres from "postgres";
import { Refusal } from "./auth-admin-input.ts";
import { AuthBuckets } from "./auth-buckets.ts";
import type { StackConfig } from "./config.ts";
import type { Keys } from "./keys.ts";

const authPattern = /^\/+auth\/v1(?:[/?]|$)/;
const pathPattern = /^\/+auth\/v1(\/[^?]*?)\/?(?:\?(.*))?$/;
/** Calls that send a mail of Auth's own to the address of the body. */
const mailPaths = ["/otp", "/magiclink", "/recover", "/resend"];

type Options = { config: StackConfig; keys: Pick<Keys, "secret" | "service_role"> };

/**
 * Adds what lite lacks of Supabase Auth and its gateway. That is CORS for pages, limits by address, the switches of config.toml
 * for calls without an account, and the current password at a change.
 */
export class AuthManners {
  readonly #config: StackConfig;
  readonly #secrets: string[];
  readonly #buckets: Record<"token" | "verify" | "mail", AuthBuckets>;

  constructor({ config, keys }: Options) {
    this.#config = config;
    this.#secrets = [keys.secret, keys.service_role];
    const limits = config.section("auth.rate_limit");
    this.#buckets = {
      token: new AuthBuckets(Number(limits.token_refresh ?? 150)),
      verify: new AuthBuckets(Number(limits.token_verifications ?? 30)),
      mail: new AuthBuckets(Number(limits.sign_in_sign_ups ?? 30)),
    };
  }

  static matches = (url: string | undefined): boolean => authPattern.test(url ?? "");

  /** Lets pages read the answer, as Supabase's gateway does. True when that was all: a preflight. */
  answerPreflight(request: IncomingMessage, response: ServerResponse): boolean {
    if (request.headers.origin !== undefined) {
      response.setHeader("access-control-allow-origin", "*");
      response.setHeader("access-control-expose-headers", "X-Total-Count, Link, X-Supabase-Api-Version");
    }
    if (request.method !== "OPTIONS") return false;
    response.writeHead(204, {
      "access-control-allow-origin": "*",
      "access-control-allow-methods": "GET,HEAD,PUT,PATCH,POST,DELETE,OPTIONS",
      "access-control-allow-headers": request.headers["access-control-request-headers"] ?? "*",
      "access-control-max-age": "3600",
      vary: "Access-Control-Request-Headers",
    });
    response.end();
    return true;
  }

  /** Whether the decision about the call needs its body. */
  needsBody(method: string | undefined, url: string | undefined): boolean {
    const [path] = pathOf(url);
    return (method === "POST" && mailPaths.includes(path)) || (method === "PUT" && path === "/user");
  }

  /** @throws Refusal in Auth's words */
  async check(sql: postgres.Sql, request: IncomingMessage, body: unknown): Promise<void> {
    const [path] = pathOf(request.url);
    const bucket = this.#bucketOf(request.method, path);
    if (bucket !== undefined && !bucket.take(this.#addressOf(request)))
      throw new Refusal(429, "over_request_rate_limit", "Request rate limit reached");
    if (request.method === "POST" && path === "/factors") this.#checkFactors(request);
    if (request.method === "POST" && mailPaths.includes(path)) await this.#checkMail(sql, path, body);
    if (request.method === "PUT" && path === "/user") await this.#checkChange(sql, request, body);
  }

  #bucketOf(method: string | undefined, path: string): AuthBuckets | undefined {
    if (path === "/token" && method === "POST") return this.#buckets.token;
    if (path === "/verify") return this.#buckets.verify;
    const mails = method === "POST" && (path === "/signup" || mailPaths.includes(path));
    return mails ? this.#buckets.mail : undefined;
  }

  /** A server with the secret key may name the client that it acts for. */
  #addressOf({ headers, socket }: IncomingMessage): string {
    const told = String(headers["sb-forwarded-for"] ?? "")
      .split(",")[0]
      ?.trim();
    const isOurs = this.#secrets.includes(String(headers.apikey ?? ""));
    return isOurs && told && isIP(told) !== 0 ? told : (socket.remoteAddress ?? "");
  }

  #checkFactors({ headers }: IncomingMessage): void {
    if (!/^Bearer\s+\S/i.test(headers.authorization ?? ""))
      throw new Refusal(401, "no_authorization", "This endpoint requires a valid Bearer token");
    // If enrolment is on, the embedded stack answers that it has no factors; hosted Supabase enrols one.
    const isOn = this.#config.section("auth.mfa.totp").enroll_enabled === true;
    if (!isOn) throw new Refusal(422, "mfa_totp_enroll_not_enabled", "MFA enroll is disabled for TOTP");
    throw new Refusal(501, "not_implemented", "The embedded stack has no second factors");
  }

  /** A request for mail creates no account and fills no inbox. */
  async #checkMail(sql: postgres.Sql, path: string, body: unknown): Promise<void> {
    const { email, create_user } = (body ?? {}) as { email?: unknown; create_user?: unknown };
    const signs_up = this.#config.section("auth").enable_signup === true;
    const address = typeof email === "string" ? email.trim().toLowerCase().slice(0, 320) : "";
    const [user] = await sql<{ wait: number | null }[]>`
      select ceil(extract(epoch from greatest(recovery_sent_at, confirmation_sent_at)
        + make_interval(secs => ${this.#frequencySeconds()}) - now()))::int as wait
      from auth.users where email = ${address} limit 1`;
    if (user === undefined) {
      if (path === "/recover" || path === "/resend" || signs_up) return;
      if (path === "/otp" && create_user === false)
        throw new Refusal(422, "otp_disabled", "Signups not allowed for otp");
      throw new Refusal(422, path === "/otp" ? "otp_disabled" : "signup_disabled", "Signups not allowed");
    }
    if (user.wait !== null && user.wait > 0)
      throw new Refusal(
        429,
        "over_email_send_rate_limit",
        `For security purposes, you can only request this after ${user.wait} seconds.`,
      );
  }

  #frequencySeconds(): number {
    const text = String(this.#config.section("auth.email").max_frequency ?? "1m");
    const [, amount = "60", unit = "s"] = /^(\d+)(s|m|h)$/.exec(text) ?? [];
    return Number(amount) * ({ s: 1, m: 60, h: 3_600 }[unit as "s"] ?? 1);
  }

  async #checkChange(sql: postgres.Sql, { headers }: IncomingMessage, body: unknown): Promise<void> {
    const { password, current_password: current } = (body ?? {}) as Record<string, unknown>;
    const isAsked = this.#config.section("auth.email").require_current_password === true;
    if (!isAsked || typeof password !== "string") return;
    const id = subjectOf(headers.authorization);
    // Lite refuses a token that is wrong.
    if (id === undefined) return;
    if (typeof current !== "string" || current === "")
      throw new Refusal(
        400,
        "current_password_required",
        "Current password required when setting new password.",
      );
    const [row] = await sql<{ right: boolean }[]>`
      select encrypted_password = extensions.crypt(${current}, encrypted_password) as right
      from auth.users where id::text = ${id}`;
    if (row !== undefined && row.right !== true)
      throw new Refusal(400, "current_password_invalid", "Current password is not correct.");
  }
}

function pathOf(url: string | undefined): [path: string, query: string] {
  const [, path = "", query = ""] = pathPattern.exec(url ?? "") ?? [];
  return [path, query];
}

/** The account that the token claims. The caller has to verify it. */
function subjectOf(authorization: string | undefined): string | undefined {
  const [, payload] = (authorization ?? "").split(".");
  try {
    const { sub } = JSON.parse(Buffer.from(payload ?? "", "base64url").toString("utf8")) as { sub?: unknown };
    return typeof sub === "string" ? sub : undefined;
  } catch {
    return undefined;
  }
}
