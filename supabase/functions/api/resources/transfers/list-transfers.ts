import { createRoute, z } from "@hono/zod-openapi";
import { checks, errors } from "../../contract/errors.ts";
import { jsonResponse } from "../../contract/json-response.ts";
import { security } from "../../contract/security.ts";
import { credentials } from "../../middleware/credentials.ts";
import { createRouter } from "../../router.ts";
import { transferSchema } from "./schemas.ts";
import * as store from "./store.ts";

const route = createRoute({
  method: "get",
  path: "/api/v1/projects/transfers",
  operationId: "transfers.list",
  tags: ["Projects"],
  summary: "List projects offered to you",
  description: "Offers to the caller's email address, newest first. The address must be verified.",
  security: security.manage,
  middleware: [credentials],
  responses: {
    200: jsonResponse(z.array(transferSchema), "The offers that the caller can accept."),
    ...errors(checks.projects),
  },
});

export const listTransfers = createRouter().openapi(route, async (c) =>
  c.json(await store.listTransfers(...c.get("caller")), 200),
);
