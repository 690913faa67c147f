import { createRoute } from "@hono/zod-openapi";
import { checks, errors } from "../../contract/errors.ts";
import { jsonResponse } from "../../contract/json-response.ts";
import { security } from "../../contract/security.ts";
import { credentials } from "../../middleware/credentials.ts";
import { answerJson } from "../../middleware/head.ts";
import { createRouter } from "../../router.ts";
import { presentGeneration } from "./answer/present-generation.ts";
import { waitForEnd } from "./answer/wait-for-end.ts";
import { generationPath, generationSchema, waitQuery } from "./schemas.ts";
import * as store from "./store.ts";

const route = createRoute({
  method: "get",
  path: "/api/v1/generation/{generation_id}/status",
  operationId: "generations.get",
  tags: ["Generation"],
  summary: "Get a generation",
  description:
    "Returns the status and the result. With `wait`, the response waits for a final status. Alias: " +
    "`/generation/generations-v2/{generation_id}/status`.",
  security: security.generate,
  middleware: [credentials],
  request: {
    params: generationPath,
    query: waitQuery,
  },
  responses: {
    200: jsonResponse(generationSchema, "The status and, when it is completed, the result."),
    ...errors(checks.generation, "validation_failed", "generation_not_found"),
  },
});

export const getGenerationStatus = createRouter().openapi(route, async (c) => {
  const { env } = c.get("deps");
  const { generation_id } = c.req.valid("param");
  const row = await waitForEnd(c, c.req.valid("query").wait, () =>
    store.getGenerationStatus(...c.get("caller"), generation_id),
  );
  return answerJson(c, presentGeneration(env, row));
});
