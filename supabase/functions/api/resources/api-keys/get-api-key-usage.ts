import { createRoute, z } from "@hono/zod-openapi";
import { checks, errors } from "../../contract/errors.ts";
import { jsonResponse } from "../../contract/json-response.ts";
import { security } from "../../contract/security.ts";
import { wholeNumber } from "../../fields/whole-number.ts";
import { credentials } from "../../middleware/credentials.ts";
import { createRouter } from "../../router.ts";
import { apiKeyPath, dayOfUseSchema } from "./schemas.ts";
import * as store from "./store.ts";

const route = createRoute({
  method: "get",
  path: "/api/v1/projects/{project_id}/api-keys/{key_id}/usage",
  operationId: "apiKeys.usage",
  tags: ["API keys"],
  summary: "Get the usage of an API key",
  description: "One entry per UTC day, oldest first, today last. The counts are updated some seconds late.",
  security: security.manage,
  middleware: [credentials],
  request: {
    params: apiKeyPath,
    query: z.object({
      days: wholeNumber(1, 365, 30)
        .default(30)
        .openapi({ description: "The number of days, today included.", example: 30 }),
    }),
  },
  responses: {
    200: jsonResponse(z.array(dayOfUseSchema), "One entry for each day."),
    ...errors(checks.projects, "validation_failed", "api_key_not_found"),
  },
});

export const getApiKeyUsage = createRouter().openapi(route, async (c) => {
  const { project_id, key_id } = c.req.valid("param");
  const { days } = c.req.valid("query");
  const usage = await store.getApiKeyUsage(...c.get("caller"), project_id, key_id, days);
  return c.json(usage, 200);
});
