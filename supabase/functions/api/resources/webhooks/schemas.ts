import { z } from "@hono/zod-openapi";
import { pageFields } from "../../fields/page-query.ts";
import { strictObject } from "../../fields/strict-object.ts";
import { emptyIsNull, listOf, oneLine, pathId, text, timestamp, uuid } from "../../fields/text.ts";
import { predicates } from "../../predicates.ts";
import { projectPath } from "../projects/schemas.ts";

/** The events of webhooks, as in the table's check. `test` is sent only on request. */
const webhookEvents = [
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
  .openapi({
    description: "The kinds of events that are sent.",
    example: ["generation.completed", "generation.failed"],
  });

const urlField = text({ min: 1, max: 2048, clean: (raw) => raw.trim() }).openapi({
  format: "uri",
  description:
    "The https URL that gets the events by POST. Its host must be in the public DNS. Credentials and a fragment are not allowed.",
  example: "https://app.example.com/api/cloud-api-events",
});

const descriptionField = emptyIsNull(oneLine({ max: 255 })).openapi({
  description: "A name that tells the key from others in the list.",
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
    description:
      "False: events are not recorded, and waiting events are not sent. True: waiting events are sent.",
    example: true,
  }),
});

export const webhookSchema = z
  .object({
    id: uuid("webhook", "The webhook's id."),
    url: z.string().openapi({
      description: "The URL that gets the events.",
      example: "https://app.example.com/api/cloud-api-events",
    }),
    description: z
      .string()
      .nullable()
      .openapi({ description: "A text that tells the webhook from others.", example: "Orders" }),
    events: z.array(z.enum(webhookEvents)).openapi({
      description: "The kinds of events that are sent.",
      example: ["generation.completed", "generation.failed"],
    }),
    is_active: z.boolean().openapi({ description: "Whether events are recorded and sent.", example: true }),
    failing_since: timestamp(
      "When the first failure after the last success happened. Null while deliveries succeed.",
    )
      .nullable()
      .openapi({ example: null }),
    disabled_at: timestamp(
      "When the API disabled the webhook: all deliveries failed for three days, or the receiver responded with 410.",
    )
      .nullable()
      .openapi({ example: null }),
    created_at: timestamp("When it was created."),
    updated_at: timestamp("When the webhook was last changed."),
  })
  .openapi("Webhook");

export const webhookWithSecretSchema = webhookSchema
  .extend({
    secret: z.string().openapi({
      description:
        "The secret that signs every delivery, as Standard Webhooks defines it. Store it: no other response contains it.",
      example: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    }),
  })
  .openapi("WebhookWithSecret");

export const secretRotationSchema = strictObject({
  grace_seconds: z.int().min(0).max(604_800).default(86_400).openapi({
    description: "For how many seconds deliveries are signed with the old secret too.",
    example: 86_400,
  }),
});

export const deliverySchema = z
  .object({
    id: uuid("delivery", "The header `webhook-id`. It is the same at every attempt."),
    event: z.string().openapi({ description: "The kind of the event.", example: "generation.completed" }),
    subject_id: uuid("generation", "The id of the generation or account of the event, else of the project."),
    status: z.enum(["waiting", "delivered", "failed"]).openapi({
      description: "`delivered`: the receiver responded with 2xx. `failed`: all attempts failed.",
      example: "delivered",
    }),
    attempts: z.int().openapi({ description: "The number of attempts so far.", example: 1 }),
    next_attempt_at: timestamp("When the next attempt is due. Null after the last attempt.")
      .nullable()
      .openapi({ example: null }),
    response_status: z.int().nullable().openapi({
      description: "The HTTP status of the last response. Null without a response.",
      example: 204,
    }),
    error: z.string().nullable().openapi({ description: "Why the last attempt failed.", example: null }),
    occurred_at: timestamp("When the event happened."),
    finished_at: timestamp("When the delivery succeeded or finally failed.").nullable(),
  })
  .openapi("WebhookDelivery");

export const deliveriesSchema = z
  .object({
    deliveries: z.array(deliverySchema).openapi({ description: "The entries of this page." }),
    ...pageFields,
  })
  .openapi("WebhookDeliveries");

export const webhookPath = projectPath.extend(pathId("webhook_id", "webhook", "The webhook's id.").shape);
export const deliveryPath = webhookPath.extend(
  pathId("delivery_id", "delivery", "The id of the delivery.").shape,
);

export type Webhook = z.infer<typeof webhookSchema>;
export type Delivery = z.infer<typeof deliverySchema>;
export type Deliveries = z.infer<typeof deliveriesSchema>;
export type WebhookFields = z.infer<typeof webhookFieldsSchema>;
export type WebhookChanges = z.infer<typeof webhookChangesSchema>;
