import { createRoute } from "@hono/zod-openapi";
import { checks, errors } from "../../contract/errors.ts";
import { jsonResponse } from "../../contract/json-response.ts";
import { security } from "../../contract/security.ts";
import { credentials } from "../../middleware/credentials.ts";
import { answerJson } from "../../middleware/head.ts";
import { createRouter } from "../../router.ts";
import { pageRequest, presentPage } from "./answer/cursor.ts";
import { presentGeneration } from "./answer/present-generation.ts";
import { generationListSchema, pageQuery } from "./schemas.ts";
import * as store from "./store.ts";

const route = createRoute({
  method: "get",
  path: "/api/v1/generation",
  operationId: "generations.list",
  tags: ["Generation"],
  summary: "List generations",
  description:
    "Newest first. An end user sees their own generations; the developer and operators see those of all users. Use `page`, " +
    "or `cursor` for long lists. Alias: `/generation/generations-v2`.",
  security: security.generate,
  middleware: [credentials],
  request: { query: pageQuery },
  responses: {
    200: jsonResponse(generationListSchema, "The entries of this page."),
    ...errors(checks.generation, "validation_failed"),
  },
});

export const listGenerations = createRouter().openapi(route, async (c) => {
  const { env } = c.get("deps");
  const request = pageRequest(c.req.valid("query"));
  const page = await store.listGenerations(...c.get("caller"), request);
  return answerJson(
    c,
    presentPage(page, request, (row) => presentGeneration(env, row)),
  );
});
