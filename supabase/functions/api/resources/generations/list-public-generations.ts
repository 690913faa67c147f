import { createRoute } from "@hono/zod-openapi";
import { checks, errors } from "../../contract/errors.ts";
import { jsonResponse } from "../../contract/json-response.ts";
import { security } from "../../contract/security.ts";
import { invalidField } from "../../errors.ts";
import { credentialsWithoutBearer } from "../../middleware/credentials.ts";
import { answerJson } from "../../middleware/head.ts";
import { createRouter } from "../../router.ts";
import { projectFilter } from "../projects/schemas.ts";
import { pageRequest, presentPage } from "./answer/cursor.ts";
import { presentGeneration } from "./answer/present-generation.ts";
import { generationListSchema, pageQuery } from "./schemas.ts";
import * as store from "./store.ts";

/** The deepest row of a numbered page, since it costs all rows before it. A cursor has no limit. */
const deepestRow = 10_000;

const route = createRoute({
  method: "get",
  path: "/api/v1/generation/public",
  operationId: "generations.listPublic",
  tags: ["Generation"],
  summary: "List published pictures",
  description:
    "Newest first. Needs no credentials. `X-Project-ID` or `project_id` selects one project. The list never contains the " +
    "creator or the uploaded pictures. Page numbers reach the first 10,000 pictures; use `cursor` for more. Alias: " +
    "`/generation/public-generations-v2`.",
  security: security.none,
  middleware: [credentialsWithoutBearer],
  request: { query: pageQuery.extend(projectFilter.shape) },
  responses: {
    200: jsonResponse(generationListSchema, "The entries of this page."),
    ...errors(checks.public, "validation_failed"),
  },
});

export const listPublicGenerations = createRouter().openapi(route, async (c) => {
  const { database, env } = c.get("deps");
  const { project_id, ...query } = c.req.valid("query");
  const request = pageRequest(query);
  if (request.after === null && request.page * request.page_size > deepestRow) {
    throw invalidField(
      ["query", "page"],
      "Page numbers reach only the first 10,000 pictures. Use the cursor for more.",
    );
  }
  const sent = { project_id, ...c.get("credentials") };
  const page = await store.listPublicGenerations(database, sent, request);
  return answerJson(
    c,
    presentPage(page, request, (row) => presentGeneration(env, { ...row, example_images: [] })),
  );
});
