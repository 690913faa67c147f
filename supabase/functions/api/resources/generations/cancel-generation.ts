import { createRoute } from "@hono/zod-openapi";
import { checks, errors } from "../../contract/errors.ts";
import { jsonResponse } from "../../contract/json-response.ts";
import { security } from "../../contract/security.ts";
import { credentials } from "../../middleware/credentials.ts";
import { createRouter } from "../../router.ts";
import { deliverWebhooks } from "../webhooks/delivery/deliver-webhooks.ts";
import { presentGeneration } from "./answer/present-generation.ts";
import { cleanUpGeneration } from "./pipeline/clean-up.ts";
import { cancelErrors } from "./pipeline/failures.ts";
import { canceledExample, generationPath, generationSchema } from "./schemas.ts";
import * as store from "./store.ts";

const route = createRoute({
  method: "post",
  path: "/api/v1/generation/{generation_id}/cancel",
  operationId: "generations.cancel",
  tags: ["Generation"],
  summary: "Cancel a generation",
  description:
    "The generation stays in the list as canceled. It stays charged if it was already sent to the provider and the " +
    "project's `cancel_limit` of the month is reached; see `charged`.",
  security: security.generate,
  middleware: [credentials],
  request: { params: generationPath },
  responses: {
    200: jsonResponse(generationSchema, "The generation was canceled.", canceledExample),
    ...errors(checks.generation, "validation_failed", "generation_not_found", "generation_not_running"),
  },
});

export const cancelGeneration = createRouter().openapi(route, async (c) => {
  const deps = c.get("deps");
  const { generation_id } = c.req.valid("param");
  const row = await store.cancelGeneration(...c.get("caller"), generation_id, cancelErrors);
  await cleanUpGeneration(deps, generation_id);
  deps.background(deliverWebhooks(deps));
  return c.json(presentGeneration(deps.env, row), 200);
});
