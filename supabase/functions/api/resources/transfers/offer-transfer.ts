import { createRoute, z } from "@hono/zod-openapi";
import { checks, errors } from "../../contract/errors.ts";
import { jsonBody } from "../../contract/json-body.ts";
import { jsonResponse } from "../../contract/json-response.ts";
import { security } from "../../contract/security.ts";
import { deliverMail } from "../../mail/deliver-mail.ts";
import { credentials } from "../../middleware/credentials.ts";
import { jsonOnly } from "../../middleware/json-only.ts";
import { createRouter } from "../../router.ts";
import { emailSchema } from "../auth/schemas.ts";
import { checkPassword } from "../auth/sign-in/check-password.ts";
import { passwordSchema } from "../auth/sign-in/password-schema.ts";
import { projectPath } from "../projects/schemas.ts";
import { transferSchema } from "./schemas.ts";
import { offerProject } from "./store.ts";

const route = createRoute({
  method: "post",
  path: "/api/v1/projects/{project_id}/transfer",
  operationId: "transfers.offer",
  tags: ["Projects"],
  summary: "Offer a project",
  description:
    "Only the signed-in owner can offer a project, with the password. The developer with that address gets a mail and " +
    "accepts or declines; until then nothing changes. The response is the same if no such developer exists. A newer offer " +
    "replaces this one.",
  security: security.user,
  middleware: [credentials, jsonOnly],
  request: {
    params: projectPath,
    ...jsonBody(
      z
        .object({ email: emailSchema.openapi({ example: "grace@example.com" }), password: passwordSchema })
        .openapi("ProjectTransferRequest"),
    ),
  },
  responses: {
    201: jsonResponse(transferSchema, "The offer. It is valid for seven days."),
    ...errors(
      checks.account,
      checks.json,
      checks.password,
      "developers_only",
      "transfer_to_owner",
      "mail_limit_exceeded",
    ),
  },
});

export const offerTransfer = createRouter().openapi(route, async (c) => {
  const { email, password } = c.req.valid("json");
  await checkPassword(c, password, false);
  const { background } = c.get("deps");
  const offer = await offerProject(...c.get("caller"), c.req.valid("param").project_id, email);
  background(deliverMail(c.get("deps")));
  return c.json(offer, 201);
});
