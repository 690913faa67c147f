import { createRoute, z } from "@hono/zod-openapi";
import { checks, errors } from "../../contract/errors.ts";
import { jsonResponse } from "../../contract/json-response.ts";
import { security } from "../../contract/security.ts";
import { credentials } from "../../middleware/credentials.ts";
import { createRouter } from "../../router.ts";
import { projectPath } from "../projects/schemas.ts";
import { apiKeySchema } from "./schemas.ts";
import * as store from "./store.ts";

const route = createRoute({
  method: "get",
  path: "/api/v1/projects/{project_id}/api-keys",
  operationId: "apiKeys.list",
  tags: ["API keys"],
  summary: "List API keys",
  description:
    "Returns a plain array, newest first, expired and revoked keys included. Compare `key_prefix` to find the key that a program uses.",
  security: security.manage,
  middleware: [credentials],
  request: { params: projectPath },
  responses: {
    200: jsonResponse(z.array(apiKeySchema), "The keys without their secrets."),
    ...errors(checks.projects, "validation_failed"),
  },
});

export const listApiKeys = createRouter().openapi(route, async (c) => {
  const keys = await store.listApiKeys(...c.get("caller"), c.req.valid("param").project_id);
  return c.json(keys, 200);
});
