import { createRoute, z } from "@hono/zod-openapi";
import type { Deps } from "../../context.ts";
import { checks, errors } from "../../contract/errors.ts";
import { jsonBody } from "../../contract/json-body.ts";
import { jsonResponse } from "../../contract/json-response.ts";
import { security } from "../../contract/security.ts";
import { ApiError } from "../../errors.ts";
import { credentialsWithoutBearer } from "../../middleware/credentials.ts";
import { deviceOf } from "../../middleware/device-of.ts";
import { jsonOnly } from "../../middleware/json-only.ts";
import { createRouter } from "../../router.ts";
import { emailSchema, tokensSchema } from "./schemas.ts";
import { ifAnswered } from "./sign-in/if-answered.ts";
import { openTokens } from "./sign-in/open-tokens.ts";
import { passwordSchema } from "./sign-in/password-schema.ts";
import { tryPassword } from "./sign-in/try-password.ts";
import { beginLogin, countAuthCall, uncountSignIn } from "./store.ts";

const route = createRoute({
  method: "post",
  path: "/api/v1/auth/login",
  operationId: "auth.login",
  tags: ["Authentication"],
  summary: "Sign in",
  description: "End users send `X-Project-ID`; developers and operators send none.",
  security: security.login,
  middleware: [credentialsWithoutBearer, jsonOnly],
  request: jsonBody(z.object({ email: emailSchema, password: passwordSchema }).openapi("LoginRequest")),
  responses: {
    200: jsonResponse(tokensSchema, "The tokens of a new session."),
    ...errors(
      checks.public,
      checks.json,
      checks.auth,
      "invalid_credentials",
      "attempts_exceeded",
      "invalid_token",
      "account_not_verified",
      "account_deactivated",
      "project_inactive",
    ),
  },
});

export const login = createRouter().openapi(route, async (c) => {
  const deps = c.get("deps");
  const { email, password } = c.req.valid("json");
  const { ip } = deviceOf(c);
  await countAuthCall(...c.get("caller"));
  const account = await beginLogin(...c.get("caller"), email, ip);
  // An unknown address costs Auth the same time: a decoy's password is hashed.
  if (!account.decoy_exists) await makeDecoy(deps, account.auth_email);
  // Auth counts by subject. Unknown addresses share the decoy, so without their own subject Auth would soon refuse them.
  const subject = account.is_known ? account.auth_email : email;
  const proof = await ifAnswered(deps, tryPassword(deps, account.auth_email, password, subject), () =>
    uncountSignIn(...c.get("caller"), email, ip),
  );
  if (proof === null || !account.is_known) throw new ApiError("invalid_credentials");
  const { password_changed_at } = account;
  return c.json(await openTokens(c, proof.issued, { signed_in: true, password_changed_at }), 200);
});

/** Runs once in the life of a database. */
async function makeDecoy({ auth, log }: Deps, email: string): Promise<void> {
  await auth
    .createUser({ id: crypto.randomUUID(), email, password: `${crypto.randomUUID()}aA1` })
    .catch((cause) => log("warn", "the decoy of unknown addresses could not be made", { cause }));
}
