import { createRoute, z } from "@hono/zod-openapi";
import { credentials } from "../../middleware/credentials.ts";
import { createRouter, errorResponses, jsonResponse, security } from "../../openapi.ts";
import { projectPath } from "../projects/schemas.ts";
import { webhookSchema } from "./schemas.ts";
import * as store from "./store.ts";

const route = createRoute({
  method: "get",
  path: "/api/v1/projects/{project_id}/webhooks",
  operationId: "webhooks.list",
  tags: ["Webhooks"],
  summary: "List the webhooks of a project, newest first",
  description: "Without their secrets. A bare array.",
  security: security.manage,
  middleware: [credentials],
  request: { params: projectPath },
  responses: {
    200: jsonResponse(z.array(webhookSchema), "The webhooks."),
    ...errorResponses(400, 401, 403, 404, 422, 429),
  },
});

export const listWebhooks = createRouter().openapi(route, async (c) => {
  const { project_id } = c.req.valid("param");
  return c.json(await store.listWebhooks(c.get("deps").database, c.get("credentials"), project_id), 200);
});
