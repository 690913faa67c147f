import { createRoute, z } from "@hono/zod-openapi";
import { ApiError } from "../../errors.ts";
import { digestOf, readPasted } from "../../mail/mail-token.ts";
import { jsonOnly } from "../../middleware/json-body.ts";
import { createRouter, errorResponses, jsonBody, jsonResponse, security } from "../../openapi.ts";
import { checkedTokenSchema, mailToken } from "./schemas.ts";
import { deviceOf } from "./sign-in/sign-in.ts";
import * as store from "./store.ts";

const route = createRoute({
  method: "post",
  path: "/api/v1/auth/check-mail-token",
  operationId: "auth.checkMailToken",
  tags: ["Authentication"],
  summary: "What the token of a mail is for",
  description:
    "For the page that a link leads to: it can say at once that a link was used or is too old. Uses nothing up.",
  security: security.none,
  middleware: [jsonOnly],
  request: jsonBody(z.object({ token: mailToken() }).openapi("CheckMailTokenRequest")),
  responses: {
    200: jsonResponse(checkedTokenSchema, "The token was mailed by this service."),
    ...errorResponses(400, 413, 415, 422, 429),
  },
});

export const checkMailToken = createRouter().openapi(route, async (c) => {
  const pasted = readPasted(c.req.valid("json").token);
  const digest = digestOf("token" in pasted ? pasted.token : pasted.code);
  const found = await store.checkMailToken(c.get("deps").database, digest, deviceOf(c).ip);
  if ("refusal" in found) throw new ApiError(found.refusal);
  return c.json(found, 200);
});
