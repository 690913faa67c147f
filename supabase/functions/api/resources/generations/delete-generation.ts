import { createRoute, z } from "@hono/zod-openapi";
import { checks, errors } from "../../contract/errors.ts";
import { jsonResponse } from "../../contract/json-response.ts";
import { security } from "../../contract/security.ts";
import { credentials } from "../../middleware/credentials.ts";
import { createRouter } from "../../router.ts";
import { message } from "../auth/schemas.ts";
import { cleanUpGeneration } from "./pipeline/clean-up.ts";
import { generationPath } from "./schemas.ts";
import * as store from "./store.ts";

const route = createRoute({
  method: "delete",
  path: "/api/v1/generation/{generation_id}",
  operationId: "generations.delete",
  tags: ["Generation"],
  summary: "Delete a generation",
  description:
    "Deletes the generation and its pictures. A running one is canceled first, with the same rule for the charge. Alias: " +
    "`/generation/generations-v2/{generation_id}`.",
  security: security.generate,
  middleware: [credentials],
  request: { params: generationPath },
  responses: {
    200: jsonResponse(
      z.object({ message: message("Generation deleted successfully") }).openapi("GenerationDeleted"),
      "The generation was deleted.",
    ),
    ...errors(checks.generation, "validation_failed", "generation_not_found"),
  },
});

export const deleteGeneration = createRouter().openapi(route, async (c) => {
  const deps = c.get("deps");
  const { generation_id } = c.req.valid("param");
  await store.deleteGeneration(...c.get("caller"), generation_id);
  await cleanUpGeneration(deps, generation_id);
  return c.json({ message: "Generation deleted successfully" }, 200);
});
