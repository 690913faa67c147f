import { createRoute, z } from "@hono/zod-openapi";
import { checks, errors } from "../../contract/errors.ts";
import { jsonBody } from "../../contract/json-body.ts";
import { jsonResponse } from "../../contract/json-response.ts";
import { security } from "../../contract/security.ts";
import { deliverMail } from "../../mail/deliver-mail.ts";
import { credentials } from "../../middleware/credentials.ts";
import { jsonOnly } from "../../middleware/json-only.ts";
import { createRouter } from "../../router.ts";
import { emailSchema, messageSchema } from "./schemas.ts";
import { checkPassword } from "./sign-in/check-password.ts";
import { passwordSchema } from "./sign-in/password-schema.ts";
import { requestEmailChange } from "./store.ts";

const route = createRoute({
  method: "post",
  path: "/api/v1/auth/change-email",
  operationId: "auth.changeEmail",
  tags: ["Authentication"],
  summary: "Change the email address",
  description:
    "Both addresses get a mail. The change takes effect when the new address is verified at `POST /auth/verify-email` " +
    "within a day. Sessions continue. A newer request or a new password cancels this one.",
  security: security.user,
  middleware: [credentials, jsonOnly],
  request: jsonBody(
    z
      .object({ password: passwordSchema, new_email: emailSchema.openapi({ example: "ada@example.org" }) })
      .openapi("ChangeEmailRequest"),
  ),
  responses: {
    200: jsonResponse(messageSchema, "The mails to both addresses are being sent."),
    ...errors(
      checks.account,
      checks.json,
      checks.password,
      "account_exists",
      "email_unchanged",
      "mail_limit_exceeded",
    ),
  },
});

export const changeEmail = createRouter().openapi(route, async (c) => {
  const { password, new_email } = c.req.valid("json");
  await checkPassword(c, password, false);
  const { background } = c.get("deps");
  await requestEmailChange(...c.get("caller"), new_email);
  background(deliverMail(c.get("deps")));
  return c.json({ message: "Open the link in the mail that we sent to the new address." }, 200);
});
