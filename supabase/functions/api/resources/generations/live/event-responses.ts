import { z } from "@hono/zod-openapi";
import { errorSchema } from "../../../contract/error-schema.ts";
import { text } from "../../../fields/text.ts";
import { generationSchema } from "../schemas.ts";

const idOf = (example: string) =>
  z
    .string()
    .openapi({ description: "Send the last one back as `Last-Event-ID` to go on behind it.", example });

const statusEvent = z
  .object({
    event: z.literal("status").openapi({ description: "A new state.", example: "status" }),
    id: idOf("2"),
    data: generationSchema.openapi({ description: "The generation, as its status tells it." }),
  })
  .openapi("GenerationStatusEvent");

const progressEvent = z
  .object({
    event: z.literal("progress").openapi({ description: "It came further.", example: "progress" }),
    id: idOf("2.118"),
    data: z
      .object({
        percent: z
          .int()
          .min(0)
          .max(100)
          .nullable()
          .openapi({ description: "Null where the model tells no percents.", example: 40 }),
        log: z.string().openapi({
          description: "The last line of the model's log, at most 200 characters.",
          example: "40%|████      | 4/10 [00:02<00:03,  1.9it/s]",
        }),
      })
      .openapi("GenerationProgress", { description: "What the model's log says of it." }),
  })
  .openapi("GenerationProgressEvent");

const problemEvent = z
  .object({
    event: z.literal("problem").openapi({
      description: "The caller may no longer look, or the generation was deleted. The stream ends.",
      example: "problem",
    }),
    data: errorSchema
      .pick({ detail: true, code: true, request_id: true })
      .extend({
        status: z.int().openapi({ description: "What the same request is answered now.", example: 401 }),
      })
      .openapi("GenerationProblem", { description: "Like every error, with its status." }),
  })
  .openapi("GenerationProblemEvent");

const eventSchema = z.union([statusEvent, progressEvent, problemEvent]).openapi("GenerationEvent", {
  description:
    "One event of the stream; `data` is JSON there. Comments between events keep the connection open.",
});

export const eventResponses = {
  200: {
    description: "The events, as they happen.",
    headers: {
      "X-Accel-Buffering": {
        description: "Tells proxies to pass each event on at once.",
        schema: { type: "string" as const, const: "no", example: "no" },
      },
    },
    content: { "text/event-stream": { schema: eventSchema } },
  },
  204: { description: "`Last-Event-ID` is that of the final state: there is nothing more to come." },
};

export const lastEventHeader = z.object({
  "last-event-id": text({ max: 100 }).optional().openapi({
    description: "The id of the last event that arrived. One that was never given out begins anew.",
    example: "2.118",
  }),
});
