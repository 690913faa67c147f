import { createRoute } from "@hono/zod-openapi";
import { checks, errors } from "../../contract/errors.ts";
import { security } from "../../contract/security.ts";
import { credentialsWithoutBearer } from "../../middleware/credentials.ts";
import { createRouter } from "../../router.ts";
import { eventResponses, lastEventHeader } from "./live/event-responses.ts";
import { followGeneration } from "./live/follow-generation.ts";
import { generationPath } from "./schemas.ts";
import * as store from "./store.ts";

const route = createRoute({
  method: "get",
  path: "/api/v1/generation/anonymous-generations-v2/{generation_id}/events",
  operationId: "generations.streamAnonymous",
  tags: ["Generation"],
  summary: "Watch a picture made without an account",
  description:
    "The same stream as for a generation with an account. It needs no header, so a browser's EventSource can read it. " +
    "Alias: `/generation/anonymous-generations/{generation_id}/events`.",
  security: security.none,
  middleware: [credentialsWithoutBearer],
  request: { params: generationPath, headers: lastEventHeader },
  responses: {
    ...eventResponses,
    ...errors(checks.public, "validation_failed", "generation_not_found", "too_many_streams"),
  },
});

export const streamAnonymousGeneration = createRouter().openapi(route, (c) => {
  const { generation_id } = c.req.valid("param");
  return followGeneration(c, c.req.valid("header")["last-event-id"], () =>
    store.getAnonymousGeneration(...c.get("caller"), generation_id),
  );
});
