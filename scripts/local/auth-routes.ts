import { type Context, Hono, type MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";
import { cors } from "hono/cors";
import type { AccessTokens } from "./access-tokens.ts";
import { type AdminOptions, authAdmin } from "./auth-admin.ts";
import { currentPassword, factors, fieldsOf, limited, mailed } from "./auth-checks.ts";
import { withSession } from "./auth-session.ts";
import type { StackConfig } from "./config.ts";
import { countedTokens } from "./refresh-counter.ts";
import { familyTokens } from "./refresh-turns.ts";
import { takeTurns } from "./take-turns.ts";
import { type PlatformEnv, toLite } from "./to-lite.ts";

export type AuthOptions = {
  admin: Omit<AdminOptions, "minimum_password_length">;
  tokens: AccessTokens;
  /** The kind of refresh tokens: version 1, or counted ones as with `refresh_token_algorithm_version = 2`. */
  refresh_tokens?: RefreshVersion;
};

export type RefreshVersion = "v1" | "v2";

/** Calls that make Auth mail the address in the body. */
const mailPaths = ["/otp", "/magiclink", "/recover", "/resend"];

/** Lets pages read every answer, as Supabase's gateway does. */
export const authCors = cors({
  origin: "*",
  allowMethods: ["GET", "HEAD", "PUT", "PATCH", "POST", "DELETE", "OPTIONS"],
  exposeHeaders: ["X-Total-Count", "Link", "X-Supabase-Api-Version"],
  maxAge: 3600,
});

/**
 * Lite inserts a session and then its refresh token. A change of the password can delete the session in between; Auth
 * inserts both in one transaction. So a failed sign-in is repeated, against the current password.
 */
async function answerOf(c: Context<PlatformEnv>): Promise<Response> {
  const answer = await toLite(c, c.var.body);
  if (answer.status !== 500 || c.req.query("grant_type") !== "password") return answer;
  return toLite(c, c.var.body);
}

/**
 * Supabase Auth: lite, with the features that it lacks: limits by address, the switches of config.toml, the admin
 * endpoints and tokens.
 */
export function authRoutes(
  config: StackConfig,
  { admin, tokens, refresh_tokens }: AuthOptions,
): Hono<PlatformEnv> {
  const app = new Hono<PlatformEnv>();
  const limits = config.section("auth.rate_limit");
  const mails = limited(limits.sign_in_sign_ups ?? 30, admin.keys);

  app.get("/.well-known/jwks.json", (c) => {
    c.header("cache-control", "public, max-age=600");
    return c.body(tokens.public_keys, 200, { "content-type": "application/json" });
  });
  app.use(bodyLimit({ maxSize: 1_000_000 }), async (c, next) => {
    c.set("body", await c.req.text());
    return next();
  });
  const minimum_password_length = Number(config.section("auth").minimum_password_length ?? 6);
  app.route("/admin", authAdmin({ ...admin, minimum_password_length }));
  app.post("/token", limited(limits.token_refresh ?? 150, admin.keys));
  app.all("/verify", limited(limits.token_verifications ?? 30, admin.keys));
  app.post("/signup", mails);
  app.on("POST", mailPaths, mails, mailed(config));
  app.post("/factors", factors(config));
  app.put("/user", limited(limits.sign_in_sign_ups ?? 30, admin.keys), currentPassword(config));

  const rules = refresh_tokens === "v2" ? countedTokens : familyTokens;
  const turns = takeTurns();
  const refresh: MiddlewareHandler<PlatformEnv> = async (c, next) => {
    const fields = fieldsOf(c);
    const token = fields.refresh_token;
    if (c.req.query("grant_type") !== "refresh_token" || typeof token !== "string") return next();
    const session = (await rules.sessionOf(c.var.sql, token)) ?? token;
    await turns(session, async () => {
      const refresh_token = await rules.accepted(c.var.sql, token);
      c.set("body", JSON.stringify({ ...fields, refresh_token }));
      await next();
    });
  };
  app.post("/token", refresh);
  app.all("*", async (c) =>
    withSession(await answerOf(c), async (session) => ({
      access_token: await tokens.toExternal(session.access_token),
      refresh_token: await rules.toExternal(c.var.sql, session),
    })),
  );
  return app;
}
