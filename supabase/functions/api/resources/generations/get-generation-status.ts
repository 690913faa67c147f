import { createRoute, z } from "@hono/zod-openapi";
import { credentials } from "../../middleware/credentials.ts";
import { createRouter, errorResponses, jsonResponse, security } from "../../openapi.ts";
import { presentGeneration } from "./present-generation.ts";
import { generationPath, generationSchema } from "./schemas.ts";
import { getGenerationStatus as selectGeneration } from "./store.ts";

const maxWaitSeconds = 25;
const pollMs = 500;

const route = createRoute({
  method: "get",
  path: "/api/v1/generation/{generation_id}/status",
  operationId: "generations.get",
  tags: ["Generation"],
  summary: "The state of a generation",
  description: "Also at `/generation/generations-v2/{generation_id}/status`.",
  security: security.generate,
  middleware: [credentials],
  request: {
    params: generationPath,
    query: z.object({
      wait: z.coerce
        .number()
        .min(0)
        .max(maxWaitSeconds)
        .default(0)
        .openapi({ description: "Seconds to wait for a final state before answering." }),
    }),
  },
  responses: {
    200: jsonResponse(generationSchema, "The generation."),
    ...errorResponses(400, 401, 403, 404, 422),
  },
});

export const getGenerationStatus = createRouter().openapi(route, async (c) => {
  const { database, env } = c.get("deps");
  const { generation_id } = c.req.valid("param");
  const deadline = Date.now() + c.req.valid("query").wait * 1000;
  const read = () => selectGeneration(database, c.get("credentials"), generation_id);
  let row = await read();
  while (
    (row.status === "pending" || row.status === "processing") &&
    Date.now() + pollMs <= deadline &&
    !c.req.raw.signal.aborted
  ) {
    await new Promise((resolve) => setTimeout(resolve, pollMs));
    row = await read();
  }
  return c.json(presentGeneration(env, row), 200);
});
