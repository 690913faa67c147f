import { createRoute, z } from "@hono/zod-openapi";
import { checks, errors } from "../../contract/errors.ts";
import { jsonBody } from "../../contract/json-body.ts";
import { jsonResponse } from "../../contract/json-response.ts";
import { security } from "../../contract/security.ts";
import { deliverMail } from "../../mail/deliver-mail.ts";
import { credentialsWithoutBearer } from "../../middleware/credentials.ts";
import { deviceOf } from "../../middleware/device-of.ts";
import { jsonOnly } from "../../middleware/json-only.ts";
import { withoutOwnOrigin } from "../../pages/without-own-origin.ts";
import { createRouter } from "../../router.ts";
import { emailSchema, messageSchema } from "./schemas.ts";
import * as store from "./store.ts";

const route = createRoute({
  method: "post",
  path: "/api/v1/auth/request-password-reset",
  operationId: "auth.requestPasswordReset",
  tags: ["Authentication"],
  summary: "Request a mail to set a new password",
  description:
    "End users send `X-Project-ID`. The response and its duration are the same for unknown accounts. At most one mail per " +
    "minute is sent. Only the newest link works.",
  security: security.login,
  middleware: [credentialsWithoutBearer, jsonOnly],
  request: jsonBody(z.object({ email: emailSchema }).openapi("PasswordResetRequest")),
  responses: {
    200: jsonResponse(messageSchema, "A mail is being sent if the account exists."),
    ...errors(checks.public, checks.json, "attempts_exceeded"),
  },
});

export const requestPasswordReset = createRouter().openapi(route, async (c) => {
  const { database, background, env } = c.get("deps");
  const caller = withoutOwnOrigin(c.get("credentials"), env);
  await store.requestPasswordReset(database, caller, c.req.valid("json").email, deviceOf(c).ip);
  background(deliverMail(c.get("deps")));
  return c.json({ message: "If an account with this address exists, we are sending a mail to it." }, 200);
});
