import { createRoute, z } from "@hono/zod-openapi";
import { checks, errors } from "../../contract/errors.ts";
import { optionalJsonBody } from "../../contract/json-body.ts";
import { jsonResponse } from "../../contract/json-response.ts";
import { security } from "../../contract/security.ts";
import { ApiError } from "../../errors.ts";
import { uuid } from "../../fields/text.ts";
import { deliverMail } from "../../mail/deliver-mail.ts";
import { credentialsIfValid } from "../../middleware/credentials.ts";
import { deviceOf } from "../../middleware/device-of.ts";
import { jsonOrNothing } from "../../middleware/json-only.ts";
import { withoutOwnOrigin } from "../../pages/without-own-origin.ts";
import { createRouter } from "../../router.ts";
import { emailSchema, messageSchema } from "./schemas.ts";
import * as store from "./store.ts";

const byId = {
  user_id: uuid(
    "user",
    "The account whose address is to be verified. For requests without an access token.",
  ).optional(),
};

const route = createRoute({
  method: "post",
  path: "/api/v1/auth/request-verification",
  operationId: "auth.requestVerification",
  tags: ["Authentication"],
  summary: "Request a verification mail",
  description:
    "For the signed-in account, or without a token for an `email` (end users send `X-Project-ID`) or a `user_id`. The " +
    "response is the same for unknown and for verified accounts. At most one mail per minute is sent. Links of earlier " +
    "mails stay valid.",
  security: [...security.user, ...security.login],
  middleware: [credentialsIfValid, jsonOrNothing],
  request: {
    query: z.object(byId),
    ...optionalJsonBody(z.object({ ...byId, email: emailSchema.nullish() }).openapi("VerificationRequest")),
  },
  responses: {
    200: jsonResponse(messageSchema, "A mail is being sent if the account exists and is not verified."),
    ...errors(
      checks.public,
      checks.json,
      "not_authenticated",
      "invalid_token",
      "account_deactivated",
      "project_inactive",
      "auth_unavailable",
      "attempts_exceeded",
      "mail_limit_exceeded",
    ),
  },
});

export const requestVerification = createRouter().openapi(route, async (c) => {
  const { database, background, env } = c.get("deps");
  const { user_id = c.req.valid("query").user_id ?? null, email = null } = c.req.valid("json");
  const caller = withoutOwnOrigin(c.get("credentials"), env);
  const { user_id: _user, session_id: _session, ...anybody } = caller;
  const isNamed = user_id !== null || email !== null;
  if (!isNamed && caller.user_id === undefined)
    throw new ApiError(c.req.header("authorization") === undefined ? "not_authenticated" : "invalid_token");
  // A request that names an account needs no session, so an ended session is ignored.
  await store.requestVerification(database, isNamed ? anybody : caller, { user_id, email }, deviceOf(c).ip);
  background(deliverMail(c.get("deps")));
  return c.json({ message: "If the account exists and is not verified, we are sending a mail to it." }, 200);
});
