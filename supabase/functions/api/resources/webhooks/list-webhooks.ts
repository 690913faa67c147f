import { createRoute, z } from "@hono/zod-openapi";
import { checks, errors } from "../../contract/errors.ts";
import { jsonResponse } from "../../contract/json-response.ts";
import { security } from "../../contract/security.ts";
import { credentials } from "../../middleware/credentials.ts";
import { createRouter } from "../../router.ts";
import { projectPath } from "../projects/schemas.ts";
import { webhookSchema } from "./schemas.ts";
import * as store from "./store.ts";

const route = createRoute({
  method: "get",
  path: "/api/v1/projects/{project_id}/webhooks",
  operationId: "webhooks.list",
  tags: ["Webhooks"],
  summary: "List webhooks",
  description: "Returns a plain array, newest first, without the secrets.",
  security: security.manage,
  middleware: [credentials],
  request: { params: projectPath },
  responses: {
    200: jsonResponse(z.array(webhookSchema), "The webhooks of the project."),
    ...errors(checks.projects, "validation_failed"),
  },
});

export const listWebhooks = createRouter().openapi(route, async (c) => {
  const { project_id } = c.req.valid("param");
  return c.json(await store.listWebhooks(...c.get("caller"), project_id), 200);
});
