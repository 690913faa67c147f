import { z } from "@hono/zod-openapi";
import { errorSchema } from "../../../contract/error-schema.ts";
import { text } from "../../../fields/text.ts";
import { generationSchema } from "../schemas.ts";

const idOf = (example: string) =>
  z.string().openapi({
    description:
      "The event's id. After a reconnect, send the last id as `Last-Event-ID` to continue after it.",
    example,
  });

const statusEvent = z
  .object({
    event: z
      .literal("status")
      .openapi({ description: "The status of the generation changed.", example: "status" }),
    id: idOf("2"),
    data: generationSchema.openapi({ description: "The generation, as in the status response." }),
  })
  .openapi("GenerationStatusEvent");

const progressEvent = z
  .object({
    event: z
      .literal("progress")
      .openapi({ description: "The generation made progress.", example: "progress" }),
    id: idOf("2.118"),
    data: z
      .object({
        percent: z.int().min(0).max(100).nullable().openapi({
          description: "Progress in percent. Null if the model does not report it.",
          example: 40,
        }),
        log: z.string().openapi({
          description: "The last line of the model's log, at most 200 characters.",
          example: "40%|████      | 4/10 [00:02<00:03,  1.9it/s]",
        }),
      })
      .openapi("GenerationProgress", { description: "Progress of the generation, from the model's log." }),
  })
  .openapi("GenerationProgressEvent");

const problemEvent = z
  .object({
    event: z.literal("problem").openapi({
      description: "The caller lost access, or the generation was deleted. The stream ends after this event.",
      example: "problem",
    }),
    data: errorSchema
      .pick({ detail: true, code: true, request_id: true })
      .extend({
        status: z
          .int()
          .openapi({ description: "The HTTP status that the same request gets now.", example: 401 }),
      })
      .openapi("GenerationProblem", { description: "An error with its HTTP status." }),
  })
  .openapi("GenerationProblemEvent");

const eventSchema = z.union([statusEvent, progressEvent, problemEvent]).openapi("GenerationEvent", {
  description: "One event of the stream. `data` is JSON. Comments between events keep the connection open.",
});

export const eventResponses = {
  200: {
    description: "A stream of events.",
    headers: {
      "X-Accel-Buffering": {
        description: "Tells proxies not to buffer the stream.",
        schema: { type: "string" as const, const: "no", example: "no" },
      },
    },
    content: { "text/event-stream": { schema: eventSchema } },
  },
  204: { description: "`Last-Event-ID` is the id of the final status: no more events follow." },
};

export const lastEventHeader = z.object({
  "last-event-id": text({ max: 100 }).optional().openapi({
    description:
      "The id of the last received event; the stream continues after it. An unknown id starts the stream from the beginning.",
    example: "2.118",
  }),
});
