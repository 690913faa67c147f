import { createRoute, z } from "@hono/zod-openapi";
import { jsonOnly } from "../../middleware/body-type.ts";
import { createRouter, errorResponses, jsonBody, jsonResponse, security } from "../../openapi.ts";
import { deliverMail } from "../mail/deliver-mail.ts";
import { useMailToken } from "./mail-tokens.ts";
import { newPasswordSchema } from "./passwords.ts";
import { mailToken, messageSchema } from "./schemas.ts";
import { beginPasswordReset } from "./store.ts";

const route = createRoute({
  method: "post",
  path: "/api/v1/auth/reset-password",
  operationId: "auth.resetPassword",
  tags: ["Authentication"],
  summary: "Set a new password with the token of a mail",
  description:
    "A token works once, within an hour, until a newer mail replaces it. Every session ends; nobody is signed in.",
  security: security.none,
  middleware: [jsonOnly],
  request: jsonBody(
    z.object({ token: mailToken(), password: newPasswordSchema }).openapi("ResetPasswordRequest"),
  ),
  responses: {
    200: jsonResponse(messageSchema, "The new password counts."),
    ...errorResponses(400, 413, 415, 422, 502),
  },
});

export const resetPassword = createRouter().openapi(route, async (c) => {
  const { auth, background, database } = c.get("deps");
  const { token, password } = c.req.valid("json");
  const { user_id, session_id } = await useMailToken(c, token, "recovery");
  await beginPasswordReset(database, user_id, session_id);
  await auth.setPassword(user_id, password);
  background(deliverMail(c.get("deps")));
  return c.json({ message: "The new password is set. Log in with it; every session was ended." }, 200);
});
