import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { AppEnv, Deps } from "../../context.ts";
import { ApiError } from "../../errors.ts";
import { jsonOnly } from "../../middleware/body-type.ts";
import { credentials } from "../../middleware/credentials.ts";
import { createRouter, errorResponses, jsonBody, jsonResponse, security } from "../../openapi.ts";
import { createKey } from "../keys/key-format.ts";
import { wholeKey } from "../keys/schemas.ts";
import { deliverMail } from "../mail/deliver-mail.ts";
import { uuid } from "../text.ts";
import {
  accessToken,
  emailSchema,
  fullNameSchema,
  newPasswordSchema,
  refreshToken,
  type Tokens,
  tokenType,
  userSchema,
} from "./schemas.ts";
import { deviceOf, openTokens } from "./sessions.ts";
import { beginRegistration, countAuthCall, createAccount } from "./store.ts";

const route = createRoute({
  method: "post",
  path: "/api/v1/auth/register",
  operationId: "auth.register",
  tags: ["Authentication"],
  summary: "Create an account",
  description:
    "With `X-Operator-Key` a developer, who also gets a first project, a developer key and an API key; with `X-Developer-Key` and " +
    "`X-Project-ID` an end user of that project. Without tokens in the answer the address has to be verified before the first login.",
  security: security.register,
  middleware: [credentials, jsonOnly],
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
              developer_key: wholeKey("Names the developer, as `X-Developer-Key`."),
              api_key: wholeKey("Names the project's app, as `X-API-Key`."),
            })
            .nullable()
            .openapi({ description: "Only for developers, and only here: the keys are not shown again." }),
          access_token: accessToken.nullable(),
          refresh_token: refreshToken.nullable(),
          token_type: tokenType,
        })
        .openapi("RegisteredUser"),
      "The account, signed in.",
    ),
    ...errorResponses(400, 401, 403, 404, 409, 413, 415, 422, 429, 502),
  },
});

export const register = createRouter().openapi(route, async (c) => {
  const { auth, background, database } = c.get("deps");
  const { email, password, full_name = null } = c.req.valid("json");
  await countAuthCall(database, c.get("credentials"));
  const kind = await beginRegistration(database, c.get("credentials"), email);
  const id = crypto.randomUUID();
  const authEmail = kind.role === "end_user" ? `${id}@${kind.project_id}.users.invalid` : email.toLowerCase();
  await auth.createUser({ id, email: authEmail, password });
  const keys = { developer_key: createKey("ak"), api_key: createKey("ak") };
  const { provisioned_project_id, needs_verification, ...user } = await createAccount(
    database,
    c.get("credentials"),
    {
      id,
      email,
      full_name,
      developer_key: secretOf(keys.developer_key),
      api_key: secretOf(keys.api_key),
    },
  ).catch((error) => withoutOrphan(c.get("deps"), id, error));
  background(deliverMail(c.get("deps")));
  const tokens = needs_verification ? null : await signIn(c, authEmail, password);
  const provisioning = provisioned_project_id && {
    project_id: provisioned_project_id,
    developer_key: keys.developer_key.key,
    api_key: keys.api_key.key,
  };
  return c.json(
    {
      ...user,
      provisioning: provisioning || null,
      access_token: tokens?.access_token ?? null,
      refresh_token: tokens?.refresh_token ?? null,
      token_type: "bearer" as const,
    },
    201,
  );
});

const secretOf = ({ key_prefix, key_hash }: { key_prefix: string; key_hash: string }) => ({
  key_prefix,
  key_hash,
});

/** Auth's half of the account goes when ours was refused; what stays after a failure can do nothing without it. */
async function withoutOrphan(deps: Deps, id: string, error: unknown): Promise<never> {
  await deps.auth
    .deleteUser(id)
    .catch((cause) => deps.log("warn", "an auth user without an account stays", { user_id: id, cause }));
  throw error;
}

async function signIn(c: Context<AppEnv>, email: string, password: string): Promise<Tokens> {
  const issued = await c.get("deps").auth.signIn(email, password, deviceOf(c).ip ?? undefined);
  if (issued === null)
    throw new ApiError("auth_error", { cause: new Error("Auth refused the password it just took") });
  return openTokens(c, issued);
}
