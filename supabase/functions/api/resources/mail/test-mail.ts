import { createRoute, z } from "@hono/zod-openapi";
import { checks, errors } from "../../contract/errors.ts";
import { jsonBody } from "../../contract/json-body.ts";
import { jsonResponse } from "../../contract/json-response.ts";
import { security } from "../../contract/security.ts";
import { deliverMail } from "../../mail/deliver-mail.ts";
import { credentials } from "../../middleware/credentials.ts";
import { jsonOnly } from "../../middleware/json-only.ts";
import { createRouter } from "../../router.ts";
import { projectPath } from "../projects/schemas.ts";
import { sampleFields, sentTestSchema } from "./schemas.ts";
import * as store from "./store.ts";

const route = createRoute({
  method: "post",
  path: "/api/v1/projects/{project_id}/mail/test",
  operationId: "projects.testMail",
  tags: ["Projects"],
  summary: "Send a mail of the project to yourself",
  description:
    "Sends the previewed mail to the caller's verified email address. At most one mail per minute; after six mails, one per ten minutes.",
  security: security.manage,
  middleware: [credentials, jsonOnly],
  request: { params: projectPath, ...jsonBody(z.object(sampleFields).openapi("MailTestRequest")) },
  responses: {
    202: jsonResponse(sentTestSchema, "The mail is being sent."),
    ...errors(checks.projects, checks.json, "mail_limit_exceeded"),
  },
});

export const testMail = createRouter().openapi(route, async (c) => {
  const { background } = c.get("deps");
  const { project_id } = c.req.valid("param");
  const email = await store.sendMailTest(...c.get("caller"), project_id, c.req.valid("json"));
  background(deliverMail(c.get("deps")));
  return c.json({ email }, 202);
});
