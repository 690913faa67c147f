import { createRoute, z } from "@hono/zod-openapi";
import { checks, errors } from "../../contract/errors.ts";
import { jsonBody } from "../../contract/json-body.ts";
import { jsonResponse } from "../../contract/json-response.ts";
import { security } from "../../contract/security.ts";
import { sampleMail } from "../../mail/write-mail.ts";
import { credentials } from "../../middleware/credentials.ts";
import { jsonOnly } from "../../middleware/json-only.ts";
import { createRouter } from "../../router.ts";
import { projectPath } from "../projects/schemas.ts";
import * as projects from "../projects/store.ts";
import { sampleFields, writtenMailSchema } from "./schemas.ts";

const route = createRoute({
  method: "post",
  path: "/api/v1/projects/{project_id}/mail/preview",
  operationId: "projects.previewMail",
  tags: ["Projects"],
  summary: "Preview a mail",
  description:
    "Returns the mail as end users get it, with a link and a code that do not work. Send `mail` to try settings without " +
    "saving them. No mail is sent.",
  security: security.manage,
  middleware: [credentials, jsonOnly],
  request: { params: projectPath, ...jsonBody(z.object(sampleFields).openapi("MailPreviewRequest")) },
  responses: {
    200: jsonResponse(writtenMailSchema, "The rendered mail."),
    ...errors(checks.projects, checks.json),
  },
});

export const previewMail = createRouter().openapi(route, async (c) => {
  const { env } = c.get("deps");
  const { kind, mail } = c.req.valid("json");
  const project = await projects.getProject(...c.get("caller"), c.req.valid("param").project_id);
  const tried = { ...project, mail: { ...project.mail, ...mail } };
  return c.json({ from_address: env.mail_from, ...sampleMail(kind, tried, env) }, 200);
});
