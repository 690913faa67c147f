import { createRoute } from "@hono/zod-openapi";
import { credentials } from "../../middleware/credentials.ts";
import { createRouter, errorResponses, jsonResponse, security } from "../../openapi.ts";
import { projectPath } from "../projects/schemas.ts";
import { transferSchema } from "./schemas.ts";
import * as store from "./store.ts";

const route = createRoute({
  method: "get",
  path: "/api/v1/projects/{project_id}/transfer",
  operationId: "transfers.get",
  tags: ["Projects"],
  summary: "The offer to hand a project over",
  description: "For the project's owner, and for the developer whom it is offered to.",
  security: security.manage,
  middleware: [credentials],
  request: { params: projectPath },
  responses: {
    200: jsonResponse(transferSchema, "The offer."),
    ...errorResponses(400, 401, 403, 404, 422, 429),
  },
});

export const getTransfer = createRouter().openapi(route, async (c) => {
  const { project_id } = c.req.valid("param");
  return c.json(await store.getTransfer(c.get("deps").database, c.get("credentials"), project_id), 200);
});
