import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { AppEnv, Deps } from "../../context.ts";
import { checks, errors } from "../../contract/errors.ts";
import { jsonBody } from "../../contract/json-body.ts";
import { jsonResponse } from "../../contract/json-response.ts";
import { security } from "../../contract/security.ts";
import { ApiError } from "../../errors.ts";
import { uuid } from "../../fields/text.ts";
import { createKey } from "../../key.ts";
import { deliverMail } from "../../mail/deliver-mail.ts";
import { credentialsWithoutBearer } from "../../middleware/credentials.ts";
import { jsonOnly } from "../../middleware/json-only.ts";
import { createRouter } from "../../router.ts";
import { wholeKey } from "../api-keys/schemas.ts";
import { userSchema } from "../users/schemas.ts";
import { deliverWebhooks } from "../webhooks/delivery/deliver-webhooks.ts";
import { accessToken, emailSchema, fullNameSchema, refreshToken, type Tokens, tokenType } from "./schemas.ts";
import { openTokens } from "./sign-in/open-tokens.ts";
import { newPasswordSchema } from "./sign-in/password-schema.ts";
import { beginRegistration, countAuthCall, createAccount } from "./store.ts";

const route = createRoute({
  method: "post",
  path: "/api/v1/auth/register",
  operationId: "auth.register",
  tags: ["Authentication"],
  summary: "Create an account",
  description:
    "With `X-Operator-Key` it creates a developer with a first project, a developer key and an API key. With " +
    "`X-Developer-Key` and `X-Project-ID` it creates an end user of that project. If the response has no tokens, read " +
    "`needs_verification`. True: the address must be verified before the first login. False: the account exists but the " +
    "sign-in failed; log in.",
  security: security.register,
  middleware: [credentialsWithoutBearer, jsonOnly],
  request: jsonBody(
    z
      .object({ email: emailSchema, password: newPasswordSchema, full_name: fullNameSchema })
      .openapi("RegisterRequest"),
  ),
  responses: {
    201: jsonResponse(
      userSchema
        .extend({
          provisioning: z
            .object({
              project_id: uuid("project", "The developer's first project."),
              developer_key: wholeKey("Identifies the developer in `X-Developer-Key`."),
              api_key: wholeKey("Identifies the project in `X-API-Key`."),
            })
            .nullable()
            .openapi({
              description: "Only for developers. Store the keys: no other response contains them.",
            }),
          needs_verification: z.boolean().openapi({
            description:
              "True: the email address must be verified before the first login. False without tokens: log in.",
            example: false,
          }),
          access_token: accessToken.nullable(),
          refresh_token: refreshToken.nullable(),
          token_type: tokenType,
        })
        .openapi("RegisteredUser"),
      "The new account, with tokens if it could be signed in.",
    ),
    ...errors(
      checks.public,
      checks.json,
      checks.auth,
      "account_exists",
      "registration_key_required",
      "project_id_required",
      "project_inactive",
      "weak_password",
    ),
  },
});

export const register = createRouter().openapi(route, async (c) => {
  const { auth, background, database } = c.get("deps");
  const { email, password, full_name = null } = c.req.valid("json");
  await countAuthCall(...c.get("caller"));
  // At every other endpoint the header is the caller's role, which the database compares.
  const { role: named, ...caller } = c.get("credentials");
  const id = crypto.randomUUID();
  const { role, auth_email } = await beginRegistration(database, caller, { id, email });
  if (named !== undefined && !rolesFor[role].includes(named)) throw new ApiError("role_mismatch");
  await auth.createUser({ id, email: auth_email, password }).catch((error) => {
    // Without an answer the user may exist and would block the address for its owner.
    if (error instanceof ApiError && error.status >= 500) background(removeOrphan(c.get("deps"), id));
    throw error;
  });
  const keys = { developer_key: createKey("ak"), api_key: createKey("ak") };
  const { provisioned_project_id, needs_verification, ...user } = await createAccount(database, caller, {
    id,
    email,
    full_name,
    developer_key: keys.developer_key.stored,
    api_key: keys.api_key.stored,
  }).catch(async (error) => {
    await removeOrphan(c.get("deps"), id);
    throw error;
  });
  background(deliverMail(c.get("deps")));
  background(deliverWebhooks(c.get("deps")));
  const tokens = needs_verification ? null : await signIn(c, auth_email, password);
  const provisioning = provisioned_project_id && {
    project_id: provisioned_project_id,
    developer_key: keys.developer_key.key,
    api_key: keys.api_key.key,
  };
  return c.json(
    {
      ...user,
      provisioning: provisioning || null,
      needs_verification,
      access_token: tokens?.access_token ?? null,
      refresh_token: tokens?.refresh_token ?? null,
      token_type: "bearer" as const,
    },
    201,
  );
});

/** The allowed values of `X-User-Role`: the role of the new account or, from older kits, that of the operator key. */
const rolesFor = { developer: ["developer", "operator"], end_user: ["end_user"] };

/** Deletes Auth's user when the account was refused. A user that remains after a failure cannot sign in. */
async function removeOrphan({ auth, log }: Deps, id: string): Promise<void> {
  await auth
    .deleteUser(id)
    .catch((cause) => log("warn", "an auth user without an account stays", { user_id: id, cause }));
}

/** The account exists and its keys are shown only in this answer, so a failed sign-in must not replace it. */
async function signIn(c: Context<AppEnv>, email: string, password: string): Promise<Tokens | null> {
  const { auth, log } = c.get("deps");
  try {
    const issued = await auth.signIn(email, password);
    if (issued === null) throw new Error("Auth refused the password it just took");
    return await openTokens(c, issued, { signed_in: true, password_changed_at: null });
  } catch (cause) {
    log("warn", "a new account could not be signed in", { cause });
    return null;
  }
}
