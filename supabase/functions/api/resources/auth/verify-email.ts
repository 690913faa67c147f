import { createRoute, z } from "@hono/zod-openapi";
import { checks, errors } from "../../contract/errors.ts";
import { jsonBody } from "../../contract/json-body.ts";
import { jsonResponse } from "../../contract/json-response.ts";
import { security } from "../../contract/security.ts";
import { ApiError } from "../../errors.ts";
import { uuid } from "../../fields/text.ts";
import { deliverMail } from "../../mail/deliver-mail.ts";
import { codeDigest, digestOf, readPasted } from "../../mail/mail-secret.ts";
import { deviceOf } from "../../middleware/device-of.ts";
import { jsonOnly } from "../../middleware/json-only.ts";
import { createRouter } from "../../router.ts";
import { deliverWebhooks } from "../webhooks/delivery/deliver-webhooks.ts";
import { mailCode, mailToken, message } from "./schemas.ts";
import { ifAnswered } from "./sign-in/if-answered.ts";
import { abandonEmailChange, useVerificationCode, useVerificationToken } from "./store.ts";

const bodySchema = z.union([
  z.object({ token: mailToken() }),
  z.object({
    user_id: uuid("user", "The account whose address is verified."),
    verification_token: mailCode(),
  }),
]);
const verifiedSchema = z
  .object({
    message: message("The address was verified."),
    email: z.string().openapi({ description: "The verified email address.", example: "ada@example.com" }),
  })
  .openapi("VerifiedEmail");

const route = createRoute({
  method: "post",
  path: "/api/v1/auth/verify-email",
  operationId: "auth.verifyEmail",
  tags: ["Authentication"],
  summary: "Verify an email address",
  description:
    "Accepts the token of a verification mail or of a change of address. A token works once, within a day. After five wrong" +
    " codes, all codes mailed so far are invalid. Returns no tokens: log in after it.",
  security: security.none,
  middleware: [jsonOnly],
  request: jsonBody(bodySchema.openapi("VerifyEmailRequest")),
  responses: {
    200: jsonResponse(verifiedSchema, "The email address was verified."),
    ...errors(
      checks.json,
      checks.auth,
      "verification_token_invalid",
      "verification_token_used",
      "account_exists",
      "attempts_exceeded",
      "database_unavailable",
    ),
  },
});

export const verifyEmail = createRouter().openapi(route, async (c) => {
  const deps = c.get("deps");
  const { auth, database, env } = deps;
  const { ip } = deviceOf(c);
  const body: z.infer<typeof bodySchema> = c.req.valid("json");
  const userId = "user_id" in body ? body.user_id : null;
  const pasted = readPasted("token" in body ? body.token : body.verification_token);
  const found =
    "code" in pasted && userId !== null
      ? await useVerificationCode(database, userId, codeDigest(env.secret_key, userId, pasted.code), ip)
      : await useVerificationToken(
          database,
          digestOf("token" in pasted ? pasted.token : pasted.code),
          userId,
          ip,
        );
  if ("refusal" in found) throw new ApiError(found.refusal);
  const { email } = "change" in found ? found.change : found;
  if ("change" in found) {
    const { user_id, auth_email } = found.change;
    await ifAnswered(deps, auth.setEmail(user_id, auth_email), () => abandonEmailChange(database, user_id));
  }
  // A change of address causes a mail to the old address, and a verification causes webhook events.
  deps.background(deliverMail(deps));
  deps.background(deliverWebhooks(deps));
  return c.json({ message: "The address was verified.", email }, 200);
});
