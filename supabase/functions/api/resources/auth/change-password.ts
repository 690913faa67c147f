import { createRoute, z } from "@hono/zod-openapi";
import { checks, errors } from "../../contract/errors.ts";
import { jsonBody } from "../../contract/json-body.ts";
import { jsonResponse } from "../../contract/json-response.ts";
import { security } from "../../contract/security.ts";
import { invalidField } from "../../errors.ts";
import { deliverMail } from "../../mail/deliver-mail.ts";
import { bearerOf, credentials } from "../../middleware/credentials.ts";
import { jsonOnly } from "../../middleware/json-only.ts";
import { predicates } from "../../predicates.ts";
import { createRouter } from "../../router.ts";
import { messageSchema } from "./schemas.ts";
import { checkPassword } from "./sign-in/check-password.ts";
import { ifAnswered } from "./sign-in/if-answered.ts";
import { newPasswordSchema, passwordSchema } from "./sign-in/password-schema.ts";
import { spellingsOf } from "./sign-in/spellings-of.ts";
import { withdrawPasswordPermit } from "./store.ts";

const route = createRoute({
  method: "post",
  path: "/api/v1/auth/change-password",
  operationId: "auth.changePassword",
  tags: ["Authentication"],
  summary: "Change the password",
  description: "This session continues and all others end. The owner gets a mail.",
  security: security.user,
  middleware: [credentials, jsonOnly],
  request: jsonBody(
    z
      .object({
        current_password: passwordSchema,
        new_password: newPasswordSchema.openapi({ example: "Better-horse-10" }),
      })
      .openapi("ChangePasswordRequest"),
  ),
  responses: {
    200: jsonResponse(messageSchema, "The password was changed."),
    ...errors(
      checks.account,
      checks.json,
      checks.password,
      "weak_password",
      "password_change_running",
      "second_factor_enrolled",
    ),
  },
});

export const changePassword = createRouter().openapi(route, async (c) => {
  const { current_password, new_password } = c.req.valid("json");
  if (spellingsOf(current_password).includes(new_password))
    throw invalidField(["body", "new_password"], predicates.different_password);
  const current = await checkPassword(c, current_password, true);
  const deps = c.get("deps");
  const { auth, background } = deps;
  const asked = auth.changePassword(bearerOf(c.req.raw.headers), { current, next: new_password });
  // Auth did not change the password, so the permit is withdrawn for the next attempt.
  await ifAnswered(deps, asked, () => withdrawPasswordPermit(...c.get("caller")));
  background(deliverMail(deps));
  return c.json({ message: "The password was changed. All other sessions were ended." }, 200);
});
