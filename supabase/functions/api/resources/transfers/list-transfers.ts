import { createRoute, z } from "@hono/zod-openapi";
import { credentials } from "../../middleware/credentials.ts";
import { createRouter, errorResponses, jsonResponse, security } from "../../openapi.ts";
import { transferSchema } from "./schemas.ts";
import * as store from "./store.ts";

const route = createRoute({
  method: "get",
  path: "/api/v1/projects/transfers",
  operationId: "transfers.list",
  tags: ["Projects"],
  summary: "Projects that are offered to the caller",
  description: "Offers to the caller's address, newest first. The address has to be verified.",
  security: security.manage,
  middleware: [credentials],
  responses: {
    200: jsonResponse(z.array(transferSchema), "Offers that can be accepted."),
    ...errorResponses(400, 401, 403, 404, 429),
  },
});

export const listTransfers = createRouter().openapi(route, async (c) =>
  c.json(await store.listTransfers(c.get("deps").database, c.get("credentials")), 200),
);
