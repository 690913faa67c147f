import { z } from "@hono/zod-openapi";
import { projectPath } from "../projects/schemas.ts";
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
    status: z.enum(["active", "revoked", "rotated", "expired"]),
    expires_at: timestamp().nullable(),
    grace_ends_at: timestamp()
      .nullable()
      .openapi({ description: "Set by a rotation: the key is refused from then on." }),
    created_at: timestamp(),
  })
  .openapi("ApiKey");

export const createdApiKeySchema = apiKeySchema
  .extend({
    key: z.string().openapi({ description: "The whole key. It is shown only here.", example: "ak_Qx3vT…" }),
  })
  .openapi("CreatedApiKey");

export const rotationSchema = z.object({
  grace_seconds: z.int().min(0).max(604_800).default(0).openapi({
    description: "How long the old key still works, at most to its own expiry.",
    example: 86_400,
  }),
});

export const rotatedApiKeySchema = createdApiKeySchema
  .extend({
    replaces: z.object({ id: uuid(), grace_ends_at: timestamp() }).openapi({ description: "The old key." }),
  })
  .openapi("RotatedApiKey");

export const dayOfUseSchema = z
  .object({
    day: z.string().openapi({ format: "date", example: "2026-11-24", description: "UTC." }),
    requests: z.int(),
    errors: z.int().openapi({ description: "Those with a status of 400 or more." }),
  })
  .openapi("ApiKeyUsage");

export const apiKeyPath = projectPath.extend({
  key_id: uuid().openapi({ param: { name: "key_id", in: "path" } }),
});

export type ApiKey = z.infer<typeof apiKeySchema>;
export type RotatedApiKey = Omit<z.infer<typeof rotatedApiKeySchema>, "key">;
export type DayOfUse = z.infer<typeof dayOfUseSchema>;
