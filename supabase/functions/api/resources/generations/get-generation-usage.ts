import { createRoute } from "@hono/zod-openapi";
import { credentials } from "../../middleware/credentials.ts";
import { answerJson } from "../../middleware/head.ts";
import { checks, createRouter, errors, jsonResponse, security } from "../../openapi.ts";
import { usageSchema } from "./schemas.ts";
import * as store from "./store.ts";

const route = createRoute({
  method: "get",
  path: "/api/v1/generation/usage",
  operationId: "generations.usage",
  tags: ["Generation"],
  summary: "Get the usage of a project",
  description:
    "Generations of all its users together count against the month. Failed ones do not, and canceled ones only beyond " +
    "`cancel_limit`.",
  security: security.generate,
  middleware: [credentials],
  responses: { 200: jsonResponse(usageSchema, "The figures."), ...errors(checks.generation) },
});

export const getGenerationUsage = createRouter().openapi(route, async (c) => {
  const { database } = c.get("deps");
  return answerJson(c, await store.getGenerationUsage(database, c.get("credentials")));
});
