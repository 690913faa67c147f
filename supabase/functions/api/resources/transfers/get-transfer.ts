import { createRoute } from "@hono/zod-openapi";
import { checks, errors } from "../../contract/errors.ts";
import { jsonResponse } from "../../contract/json-response.ts";
import { security } from "../../contract/security.ts";
import { credentials } from "../../middleware/credentials.ts";
import { createRouter } from "../../router.ts";
import { projectPath } from "../projects/schemas.ts";
import { transferSchema } from "./schemas.ts";
import * as store from "./store.ts";

const route = createRoute({
  method: "get",
  path: "/api/v1/projects/{project_id}/transfer",
  operationId: "transfers.get",
  tags: ["Projects"],
  summary: "Get the offer of a project",
  description: "Visible to the project's owner and to the developer who got the offer.",
  security: security.manage,
  middleware: [credentials],
  request: { params: projectPath },
  responses: {
    200: jsonResponse(transferSchema, "The current offer."),
    ...errors(checks.projects, "validation_failed", "transfer_not_found"),
  },
});

export const getTransfer = createRouter().openapi(route, async (c) => {
  const { project_id } = c.req.valid("param");
  return c.json(await store.getTransfer(...c.get("caller"), project_id), 200);
});
