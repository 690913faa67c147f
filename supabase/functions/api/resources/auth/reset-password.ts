import { createRoute, z } from "@hono/zod-openapi";
import { checks, errors } from "../../contract/errors.ts";
import { jsonBody } from "../../contract/json-body.ts";
import { jsonResponse } from "../../contract/json-response.ts";
import { security } from "../../contract/security.ts";
import { ApiError } from "../../errors.ts";
import { deliverMail } from "../../mail/deliver-mail.ts";
import { digestOf, readPasted } from "../../mail/mail-secret.ts";
import { deviceOf } from "../../middleware/device-of.ts";
import { jsonOnly } from "../../middleware/json-only.ts";
import { createRouter } from "../../router.ts";
import { mailToken, messageSchema } from "./schemas.ts";
import { ifAnswered } from "./sign-in/if-answered.ts";
import { newPasswordSchema } from "./sign-in/password-schema.ts";
import { abandonPasswordReset, beginPasswordReset } from "./store.ts";

const route = createRoute({
  method: "post",
  path: "/api/v1/auth/reset-password",
  operationId: "auth.resetPassword",
  tags: ["Authentication"],
  summary: "Set a new password",
  description:
    "A token works once, within an hour. After a server error you can use it again. All sessions end. Returns no tokens: " +
    "log in with the new password.",
  security: security.none,
  middleware: [jsonOnly],
  request: jsonBody(
    z.object({ token: mailToken(), password: newPasswordSchema }).openapi("ResetPasswordRequest"),
  ),
  responses: {
    200: jsonResponse(messageSchema, "The password was changed."),
    ...errors(
      checks.json,
      checks.auth,
      "reset_token_invalid",
      "reset_token_used",
      "password_change_running",
      "attempts_exceeded",
      "weak_password",
      "database_unavailable",
    ),
  },
});

export const resetPassword = createRouter().openapi(route, async (c) => {
  const deps = c.get("deps");
  const { auth, background, database } = deps;
  const { token, password } = c.req.valid("json");
  const pasted = readPasted(token);
  const digest = digestOf("token" in pasted ? pasted.token : pasted.code);
  const begun = await beginPasswordReset(database, digest, deviceOf(c).ip);
  if ("refusal" in begun) throw new ApiError(begun.refusal);
  // The change uses the token in its own transaction. Without the change the token becomes valid again.
  await ifAnswered(deps, auth.setPassword(begun.user_id, password), () =>
    abandonPasswordReset(database, digest),
  );
  background(deliverMail(deps));
  return c.json(
    { message: "The password was changed and all sessions were ended. Log in with the new password." },
    200,
  );
});
