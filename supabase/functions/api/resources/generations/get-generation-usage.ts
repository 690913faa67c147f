import { createRoute } from "@hono/zod-openapi";
import { checks, errors } from "../../contract/errors.ts";
import { jsonResponse } from "../../contract/json-response.ts";
import { security } from "../../contract/security.ts";
import { credentials } from "../../middleware/credentials.ts";
import { answerJson } from "../../middleware/head.ts";
import { createRouter } from "../../router.ts";
import { usageSchema } from "./schemas.ts";
import * as store from "./store.ts";

const route = createRoute({
  method: "get",
  path: "/api/v1/generation/usage",
  operationId: "generations.usage",
  tags: ["Generation"],
  summary: "Get the usage of a project",
  description:
    "The generations of all users count against the monthly limit. Failed ones do not count, canceled ones only beyond `cancel_limit`.",
  security: security.generate,
  middleware: [credentials],
  responses: {
    200: jsonResponse(usageSchema, "The usage of the project and of the caller."),
    ...errors(checks.generation),
  },
});

export const getGenerationUsage = createRouter().openapi(route, async (c) => {
  return answerJson(c, await store.getGenerationUsage(...c.get("caller")));
});
