import { createRoute } from "@hono/zod-openapi";
import { checks, errors } from "../../contract/errors.ts";
import { security } from "../../contract/security.ts";
import { credentials } from "../../middleware/credentials.ts";
import { createRouter } from "../../router.ts";
import { eventResponses, lastEventHeader } from "./live/event-responses.ts";
import { followGeneration } from "./live/follow-generation.ts";
import { generationPath } from "./schemas.ts";
import * as store from "./store.ts";

const route = createRoute({
  method: "get",
  path: "/api/v1/generation/{generation_id}/events",
  operationId: "generations.stream",
  tags: ["Generation"],
  summary: "Watch a generation",
  description:
    "Server-Sent Events: each status once, progress, and the final status, which ends the stream. The API closes a stream " +
    "after one minute: reconnect with `Last-Event-ID`, as EventSource does. Alias: " +
    "`/generation/generations-v2/{generation_id}/events`.",
  security: security.generate,
  middleware: [credentials],
  request: { params: generationPath, headers: lastEventHeader },
  responses: {
    ...eventResponses,
    ...errors(checks.generation, "validation_failed", "generation_not_found", "too_many_streams"),
  },
});

export const streamGeneration = createRouter().openapi(route, (c) => {
  const { generation_id } = c.req.valid("param");
  return followGeneration(c, c.req.valid("header")["last-event-id"], () =>
    store.getGenerationStatus(...c.get("caller"), generation_id),
  );
});
