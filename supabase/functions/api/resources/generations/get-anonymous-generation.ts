import { createRoute } from "@hono/zod-openapi";
import { checks, errors } from "../../contract/errors.ts";
import { jsonResponse } from "../../contract/json-response.ts";
import { security } from "../../contract/security.ts";
import { credentialsWithoutBearer } from "../../middleware/credentials.ts";
import { createRouter } from "../../router.ts";
import { presentGeneration } from "./answer/present-generation.ts";
import { waitForEnd } from "./answer/wait-for-end.ts";
import { generationPath, generationSchema, waitQuery } from "./schemas.ts";
import * as store from "./store.ts";

const route = createRoute({
  method: "get",
  path: "/api/v1/generation/anonymous-generations-v2/{generation_id}/status",
  operationId: "generations.getAnonymous",
  tags: ["Generation"],
  summary: "Get a picture made without an account",
  description: "Needs no credentials. Alias: `/generation/anonymous-generations/{generation_id}/status`.",
  security: security.none,
  middleware: [credentialsWithoutBearer],
  request: { params: generationPath, query: waitQuery },
  responses: {
    200: jsonResponse(generationSchema, "The status and, when it is completed, the result."),
    ...errors(checks.public, "validation_failed", "generation_not_found"),
  },
});

export const getAnonymousGeneration = createRouter().openapi(route, async (c) => {
  const { env } = c.get("deps");
  const { generation_id } = c.req.valid("param");
  const row = await waitForEnd(c, c.req.valid("query").wait, () =>
    store.getAnonymousGeneration(...c.get("caller"), generation_id),
  );
  return c.json(presentGeneration(env, row), 200);
});
