import { z } from "@hono/zod-openapi";
import { storableText, timestamp, uuid } from "../text.ts";

export const apiKeyFieldsSchema = z.object({
  name: storableText().trim().max(255).nullish().openapi({ example: "Web app" }),
  expires_at: z.iso
    .datetime({ offset: true })
    .refine((text) => Date.parse(text) > Date.now(), "must be in the future")
    .nullish()
    .openapi({ type: "string", format: "date-time", description: "Null never expires." }),
});

export const apiKeySchema = z
  .object({
    id: uuid(),
    name: z.string().nullable(),
    key_prefix: z.string().openapi({ description: "The first eight characters.", example: "ak_Qx3vT" }),
    is_active: z.boolean(),
    last_used_at: timestamp().nullable(),
    expires_at: timestamp().nullable(),
    created_at: timestamp(),
  })
  .openapi("ApiKey");

export const createdApiKeySchema = apiKeySchema
  .extend({
    key: z.string().openapi({ description: "The whole key. It is shown only here.", example: "ak_Qx3vT…" }),
  })
  .openapi("CreatedApiKey");

export type ApiKey = z.infer<typeof apiKeySchema>;
