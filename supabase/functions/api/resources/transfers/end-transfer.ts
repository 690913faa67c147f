import { createRoute } from "@hono/zod-openapi";
import { checks, errors } from "../../contract/errors.ts";
import { security } from "../../contract/security.ts";
import { credentials } from "../../middleware/credentials.ts";
import { createRouter } from "../../router.ts";
import { projectPath } from "../projects/schemas.ts";
import * as store from "./store.ts";

const route = createRoute({
  method: "delete",
  path: "/api/v1/projects/{project_id}/transfer",
  operationId: "transfers.end",
  tags: ["Projects"],
  summary: "End an offer",
  description: "The project's owner withdraws the offer, or the developer who got it declines it.",
  security: security.manage,
  middleware: [credentials],
  request: { params: projectPath },
  responses: {
    204: { description: "The offer was ended." },
    ...errors(checks.projects, "validation_failed", "transfer_not_found"),
  },
});

export const endTransfer = createRouter().openapi(route, async (c) => {
  await store.endTransfer(...c.get("caller"), c.req.valid("param").project_id);
  return c.body(null, 204);
});
