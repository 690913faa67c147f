import { createRoute, z } from "@hono/zod-openapi";
import { checks, errors } from "../../contract/errors.ts";
import { jsonBody } from "../../contract/json-body.ts";
import { jsonResponse } from "../../contract/json-response.ts";
import { security } from "../../contract/security.ts";
import { ApiError } from "../../errors.ts";
import { appName } from "../../mail/app-name.ts";
import { textOn } from "../../mail/contrast.ts";
import { digestOf, readPasted } from "../../mail/mail-secret.ts";
import { deviceOf } from "../../middleware/device-of.ts";
import { jsonOnly } from "../../middleware/json-only.ts";
import { createRouter } from "../../router.ts";
import { type CheckedToken, checkedTokenSchema, type FoundToken, mailToken } from "./schemas.ts";
import * as store from "./store.ts";

const route = createRoute({
  method: "post",
  path: "/api/v1/auth/check-mail-token",
  operationId: "auth.checkMailToken",
  tags: ["Authentication"],
  summary: "Check the token of a mail",
  description:
    "For the page that a link opens: it can say at once that the link was used or has expired. The token stays valid.",
  security: security.none,
  middleware: [jsonOnly],
  request: jsonBody(z.object({ token: mailToken() }).openapi("CheckMailTokenRequest")),
  responses: {
    200: jsonResponse(checkedTokenSchema, "The purpose and the state of the token."),
    ...errors(checks.json, "mail_token_invalid", "attempts_exceeded", "database_unavailable"),
  },
});

export const checkMailToken = createRouter().openapi(route, async (c) => {
  const pasted = readPasted(c.req.valid("json").token);
  const digest = digestOf("token" in pasted ? pasted.token : pasted.code);
  const found = await store.checkMailToken(c.get("deps").database, digest, deviceOf(c).ip);
  if ("refusal" in found) throw new ApiError(found.refusal);
  return c.json({ ...found, project: found.project && appOf(found.project) }, 200);
});

function appOf(project: NonNullable<FoundToken["project"]>): CheckedToken["project"] {
  const { id, site_url, mail } = project;
  const { language, accent_color } = mail;
  const accent_text_color = accent_color === null ? null : textOn(accent_color);
  return { id, name: appName(project), site_url, language, accent_color, accent_text_color };
}
