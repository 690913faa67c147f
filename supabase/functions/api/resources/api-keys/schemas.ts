import { z } from "@hono/zod-openapi";
import { futureInstant } from "../../fields/future-instant.ts";
import { strictObject } from "../../fields/strict-object.ts";
import { emptyIsNull, oneLine, pathId, timestamp, uuid } from "../../fields/text.ts";
import { projectPath } from "../projects/schemas.ts";

export const wholeKey = (description = "The whole key. Store it: no other response contains it.") =>
  z.string().openapi({ description, example: "ak_Qx3vTz8mK1nR5wY7bD2fG4hJ6lP9sEfQ" });

export const apiKeyFields = {
  name: emptyIsNull(oneLine({ max: 255 })).openapi({
    description: "A name that tells the key from others in the list.",
    example: "Web app",
  }),
  expires_at: emptyIsNull(futureInstant).openapi({
    type: ["string", "null"],
    format: "date-time",
    description: "When the key expires. Null: never.",
    example: "2027-11-24T09:00:00Z",
  }),
};
export const apiKeyFieldsSchema = strictObject(apiKeyFields);

export const apiKeySchema = z
  .object({
    id: uuid("key", "The key's id. It is not secret."),
    name: z
      .string()
      .nullable()
      .openapi({ description: "A name that tells the key from others in the list.", example: "Web app" }),
    key_prefix: z
      .string()
      .openapi({ description: "The first eight characters of the key.", example: "ak_Qx3vT" }),
    is_active: z.boolean().openapi({ description: "Whether the API accepts the key.", example: true }),
    last_used_at: timestamp("When the key was last used. The value is updated some seconds late.").nullable(),
    status: z.enum(["active", "revoked", "rotated", "expired"]).openapi({
      description: "The state of the key. A rotated key works until `grace_ends_at`.",
      example: "active",
    }),
    expires_at: timestamp("When the key expires.", "2027-11-24T09:00:00.000000Z").nullable(),
    grace_ends_at: timestamp("When a rotated key stops working. Null for a key that was not rotated.")
      .nullable()
      .openapi({ example: null }),
    created_at: timestamp("When it was created."),
  })
  .openapi("ApiKey");

export const createdApiKeySchema = apiKeySchema.extend({ key: wholeKey() }).openapi("CreatedApiKey");

export const rotationSchema = strictObject({
  grace_seconds: z.int().min(0).max(604_800).default(0).openapi({
    description: "For how many seconds the old key still works, at most until its own expiry.",
    example: 86_400,
  }),
});

export const rotatedApiKeySchema = createdApiKeySchema
  .extend({
    replaces: z
      .object({
        id: uuid("key", "The id of the old key."),
        grace_ends_at: timestamp("When the old key stops working.", "2026-11-25T09:00:00.123456Z"),
      })
      .openapi({ description: "The old key that this one replaces." }),
  })
  .openapi("RotatedApiKey");

export const dayOfUseSchema = z
  .object({
    day: z.string().openapi({ format: "date", example: "2026-11-24", description: "The day, in UTC." }),
    requests: z.int().openapi({ description: "All requests with the key on that day.", example: 128 }),
    errors: z.int().openapi({ description: "Requests that got a status of 400 or higher.", example: 3 }),
  })
  .openapi("ApiKeyUsage");

export const apiKeyPath = projectPath.extend(
  pathId("key_id", "key", "The key's id from the list, not the key itself.").shape,
);

export type ApiKey = z.infer<typeof apiKeySchema>;
export type RotatedApiKey = Omit<z.infer<typeof rotatedApiKeySchema>, "key">;
export type DayOfUse = z.infer<typeof dayOfUseSchema>;
