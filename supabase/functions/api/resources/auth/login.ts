import { createRoute, z } from "@hono/zod-openapi";
import { ApiError } from "../../errors.ts";
import { jsonOnly } from "../../middleware/body-type.ts";
import { credentials } from "../../middleware/credentials.ts";
import { createRouter, errorResponses, jsonBody, jsonResponse, security } from "../../openapi.ts";
import { emailSchema, passwordSchema, tokensSchema } from "./schemas.ts";
import { deviceOf, openTokens } from "./sessions.ts";
import { beginLogin } from "./store.ts";

const route = createRoute({
  method: "post",
  path: "/api/v1/auth/login",
  operationId: "auth.login",
  tags: ["Authentication"],
  summary: "Sign in",
  description: "End users send `X-Project-ID`; developers and operators send none.",
  security: security.login,
  middleware: [credentials, jsonOnly],
  request: jsonBody(z.object({ email: emailSchema, password: passwordSchema }).openapi("LoginRequest")),
  responses: {
    200: jsonResponse(tokensSchema, "Tokens of a new session."),
    ...errorResponses(400, 401, 403, 404, 413, 415, 422, 429),
  },
});

export const login = createRouter().openapi(route, async (c) => {
  const { auth, database } = c.get("deps");
  const { email, password } = c.req.valid("json");
  const { auth_email } = await beginLogin(database, c.get("credentials"), email);
  // An unknown address is tried at Auth too, which hashes for it as well, so both refusals take the same time.
  const issued = await auth.signIn(
    auth_email ?? `${crypto.randomUUID()}@unknown.users.invalid`,
    password,
    deviceOf(c).ip ?? undefined,
  );
  if (issued === null || auth_email === null) throw new ApiError("invalid_credentials");
  return c.json(await openTokens(c, issued), 200);
});
