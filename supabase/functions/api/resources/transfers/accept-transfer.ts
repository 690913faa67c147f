import { createRoute } from "@hono/zod-openapi";
import { checks, errors } from "../../contract/errors.ts";
import { jsonResponse } from "../../contract/json-response.ts";
import { security } from "../../contract/security.ts";
import { deliverMail } from "../../mail/deliver-mail.ts";
import { credentials } from "../../middleware/credentials.ts";
import { createRouter } from "../../router.ts";
import { projectPath, projectSchema } from "../projects/schemas.ts";
import { acceptProject } from "./store.ts";

const route = createRoute({
  method: "post",
  path: "/api/v1/projects/{project_id}/transfer/accept",
  operationId: "transfers.accept",
  tags: ["Projects"],
  summary: "Accept a project",
  description:
    "The caller becomes the owner of the project; the caller's plan and its limits apply. The caller must be signed in with " +
    "a verified address. Users and pictures stay. All API keys are revoked, and the old owner's developer keys stop " +
    "working for it: create new keys. Webhooks are disabled. `site_url`, `verify_url`, `reset_url` and the logo and " +
    "footer of mails are cleared.",
  security: security.user,
  middleware: [credentials],
  request: { params: projectPath },
  responses: {
    200: jsonResponse(projectSchema, "The project with its new owner."),
    ...errors(
      checks.account,
      "validation_failed",
      "developers_only",
      "transfer_not_found",
      "project_limit_reached",
    ),
  },
});

export const acceptTransfer = createRouter().openapi(route, async (c) => {
  const { background } = c.get("deps");
  const project = await acceptProject(...c.get("caller"), c.req.valid("param").project_id);
  background(deliverMail(c.get("deps")));
  return c.json(project, 200);
});
