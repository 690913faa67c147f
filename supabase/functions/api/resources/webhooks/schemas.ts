import { z } from "@hono/zod-openapi";
import { pageFields } from "../../fields/page-query.ts";
import { strictObject } from "../../fields/strict-object.ts";
import { emptyIsNull, listOf, oneLine, pathId, text, timestamp, uuid } from "../../fields/text.ts";
import { predicates } from "../../predicates.ts";
import { projectPath } from "../projects/schemas.ts";

/** The events of webhooks, as in the table's check. `test` is sent only on request. */
export const webhookEvents = [
  "generation.completed",
  "generation.failed",
  "generation.canceled",
  "user.created",
  "user.verified",
  "user.deleted",
  "quota.reached",
] as const;

const eventsField = listOf(z.enum(webhookEvents), webhookEvents.length)
  .refine(({ length }) => length > 0, predicates.not_empty)
  .openapi({ description: "Which events are sent.", example: ["generation.completed", "generation.failed"] });

const urlField = text({ min: 1, max: 2048, clean: (raw) => raw.trim() }).openapi({
  format: "uri",
  description:
    "Where events are sent by POST: https, with a host that the public DNS knows, without credentials or a fragment.",
  example: "https://app.example.com/api/cloud-api-events",
});

const descriptionField = emptyIsNull(oneLine({ max: 255 })).openapi({
  description: "To tell it from others in a list.",
  example: "Orders",
});

export const webhookFieldsSchema = strictObject({
  url: urlField,
  events: eventsField,
  description: descriptionField,
});

export const webhookChangesSchema = strictObject({
  url: urlField.optional(),
  events: eventsField.optional(),
  description: descriptionField,
  is_active: z.boolean().optional().openapi({
    description: "Off: events are not recorded, and what waits is not sent. On: what waits is sent.",
    example: true,
  }),
});

export const webhookSchema = z
  .object({
    id: uuid("webhook", "The webhook's id."),
    url: z.string().openapi({
      description: "Where events are sent.",
      example: "https://app.example.com/api/cloud-api-events",
    }),
    description: z.string().nullable().openapi({ description: "To tell it from others.", example: "Orders" }),
    events: z.array(z.enum(webhookEvents)).openapi({
      description: "Which events are sent.",
      example: ["generation.completed", "generation.failed"],
    }),
    is_active: z.boolean().openapi({ description: "Whether events are recorded and sent.", example: true }),
    failing_since: timestamp("The first failure since the last success.")
      .nullable()
      .openapi({ example: null }),
    disabled_at: timestamp(
      "When it was switched off: nothing was taken for three days, or the answer was 410.",
    )
      .nullable()
      .openapi({ example: null }),
    created_at: timestamp("When it was made."),
    updated_at: timestamp("When it last changed."),
  })
  .openapi("Webhook");

export const webhookWithSecretSchema = webhookSchema
  .extend({
    secret: z.string().openapi({
      description: "Signs every delivery after Standard Webhooks. It is shown only here.",
      example: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    }),
  })
  .openapi("WebhookWithSecret");

export const secretRotationSchema = strictObject({
  grace_seconds: z.int().min(0).max(604_800).default(86_400).openapi({
    description: "Seconds in which deliveries are signed with the old secret too.",
    example: 86_400,
  }),
});

export const deliverySchema = z
  .object({
    id: uuid("delivery", "The header `webhook-id`, the same at every attempt."),
    event: z.string().openapi({ description: "What happened.", example: "generation.completed" }),
    subject_id: uuid("generation", "The generation or account that it is about; else the project."),
    status: z.enum(["waiting", "delivered", "failed"]).openapi({
      description: "`delivered` after an answer of 2xx; `failed` when it was given up.",
      example: "delivered",
    }),
    attempts: z.int().openapi({ description: "How often it was sent.", example: 1 }),
    next_attempt_at: timestamp("When it is sent again; null when it is over.")
      .nullable()
      .openapi({ example: null }),
    response_status: z
      .int()
      .nullable()
      .openapi({ description: "Status of the last answer; null without one.", example: 204 }),
    error: z.string().nullable().openapi({ description: "Why the last attempt failed.", example: null }),
    occurred_at: timestamp("When it happened."),
    finished_at: timestamp("When it was delivered or given up.").nullable(),
  })
  .openapi("WebhookDelivery");

export const deliveriesSchema = z
  .object({ deliveries: z.array(deliverySchema).openapi({ description: "One page." }), ...pageFields })
  .openapi("WebhookDeliveries");

export const webhookPath = projectPath.extend(pathId("webhook_id", "webhook", "The webhook's id.").shape);
export const deliveryPath = webhookPath.extend(pathId("delivery_id", "delivery", "The delivery's id.").shape);

export type Webhook = z.infer<typeof webhookSchema>;
export type Delivery = z.infer<typeof deliverySchema>;
export type Deliveries = z.infer<typeof deliveriesSchema>;
export type WebhookFields = z.infer<typeof webhookFieldsSchema>;
export type WebhookChanges = z.infer<typeof webhookChangesSchema>;
