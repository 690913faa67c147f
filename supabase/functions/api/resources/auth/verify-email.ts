import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { AppEnv } from "../../context.ts";
import { ApiError } from "../../errors.ts";
import { jsonOnly } from "../../middleware/body-type.ts";
import { createRouter, errorResponses, jsonBody, jsonResponse, security } from "../../openapi.ts";
import { text, uuid } from "../text.ts";
import { useMailToken } from "./mail-tokens.ts";
import { mailToken, message } from "./schemas.ts";
import { deviceOf, ifAnswered } from "./sessions.ts";
import { beginCode, finishVerification, uncountCode } from "./store.ts";

const bodySchema = z.union([
  z.object({ token: mailToken() }),
  z.object({
    user_id: uuid("user", "Whose address it is."),
    verification_token: text({ min: 1, max: 1024 }).openapi({
      description: "The token of the link, or the six digits of the mail.",
      example: "482913",
    }),
  }),
]);
const verifiedSchema = z
  .object({
    message: message("The address is verified."),
    email: z.string().openapi({ description: "The address.", example: "ada@example.com" }),
  })
  .openapi("VerifiedEmail");
type Body = z.infer<typeof bodySchema>;

const route = createRoute({
  method: "post",
  path: "/api/v1/auth/verify-email",
  operationId: "auth.verifyEmail",
  tags: ["Authentication"],
  summary: "Verify an address with the token of a mail",
  description: "A token works once, within an hour, until a newer mail replaces it. Signs nobody in.",
  security: security.none,
  middleware: [jsonOnly],
  request: jsonBody(bodySchema.openapi("VerifyEmailRequest")),
  responses: {
    200: jsonResponse(verifiedSchema, "Verified."),
    ...errorResponses(400, 413, 415, 422, 429, 502),
  },
});

export const verifyEmail = createRouter().openapi(route, async (c) => {
  const body: Body = c.req.valid("json");
  const expected = "user_id" in body ? body.user_id : null;
  const { user_id, session_id } = await prove(c, body);
  const { email } = await finishVerification(c.get("deps").database, user_id, session_id, expected);
  return c.json({ message: "The address is verified.", email }, 200);
});

async function prove(c: Context<AppEnv>, body: Body) {
  if ("token" in body) return useMailToken(c, body.token, "magiclink");
  const { user_id, verification_token } = body;
  if (!/^\d{6,10}$/.test(verification_token)) return useMailToken(c, verification_token, "magiclink");
  const deps = c.get("deps");
  const { auth, database, tokens } = deps;
  const { ip } = deviceOf(c);
  const { auth_email } = await beginCode(database, user_id, ip);
  const asked = auth.useMailToken({ email: auth_email, code: verification_token });
  const proof = await ifAnswered(deps, asked, () => uncountCode(database, user_id, ip));
  if (proof === null) throw new ApiError("verification_token_invalid");
  return tokens.verify(proof.access_token);
}
