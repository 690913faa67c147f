import { z } from "@hono/zod-openapi";
import { futureInstant } from "../../fields/future-instant.ts";
import { strictObject } from "../../fields/strict-object.ts";
import { emptyIsNull, oneLine, pathId, timestamp, uuid } from "../../fields/text.ts";
import { projectPath } from "../projects/schemas.ts";

export const wholeKey = (description = "The whole key. It is shown only here.") =>
  z.string().openapi({ description, example: "ak_Qx3vTz8mK1nR5wY7bD2fG4hJ6lP9sEfQ" });

export const apiKeyFields = {
  name: emptyIsNull(oneLine({ max: 255 })).openapi({
    description: "To tell it from others in a list.",
    example: "Web app",
  }),
  expires_at: emptyIsNull(futureInstant).openapi({
    type: ["string", "null"],
    format: "date-time",
    description: "From when on it is refused. Null never expires.",
    example: "2027-11-24T09:00:00Z",
  }),
};
export const apiKeyFieldsSchema = strictObject(apiKeyFields);

export const apiKeySchema = z
  .object({
    id: uuid("key", "The key's id, which is no secret."),
    name: z
      .string()
      .nullable()
      .openapi({ description: "To tell it from others in a list.", example: "Web app" }),
    key_prefix: z.string().openapi({ description: "The first eight characters.", example: "ak_Qx3vT" }),
    is_active: z.boolean().openapi({ description: "Whether a request with it is let in.", example: true }),
    last_used_at: timestamp("The last request with it, some seconds late.").nullable(),
    status: z.enum(["active", "revoked", "rotated", "expired"]).openapi({
      description: "A rotated key still works until `grace_ends_at`.",
      example: "active",
    }),
    expires_at: timestamp("From when on it is refused.", "2027-11-24T09:00:00.000000Z").nullable(),
    grace_ends_at: timestamp("Set by a rotation: the key is refused from then on.")
      .nullable()
      .openapi({ example: null }),
    created_at: timestamp("When it was made."),
  })
  .openapi("ApiKey");

export const createdApiKeySchema = apiKeySchema.extend({ key: wholeKey() }).openapi("CreatedApiKey");

export const rotationSchema = strictObject({
  grace_seconds: z.int().min(0).max(604_800).default(0).openapi({
    description: "Seconds that the old key still works, at most to its own expiry.",
    example: 86_400,
  }),
});

export const rotatedApiKeySchema = createdApiKeySchema
  .extend({
    replaces: z
      .object({
        id: uuid("key", "The old key's id."),
        grace_ends_at: timestamp("Until when it works.", "2026-11-25T09:00:00.123456Z"),
      })
      .openapi({ description: "The old key." }),
  })
  .openapi("RotatedApiKey");

export const dayOfUseSchema = z
  .object({
    day: z.string().openapi({ format: "date", example: "2026-11-24", description: "UTC." }),
    requests: z.int().openapi({ description: "All of that day.", example: 128 }),
    errors: z.int().openapi({ description: "Those with a status of 400 or more.", example: 3 }),
  })
  .openapi("ApiKeyUsage");

export const apiKeyPath = projectPath.extend(
  pathId("key_id", "key", "The key's id, of the list; not the key itself.").shape,
);

export type ApiKey = z.infer<typeof apiKeySchema>;
export type RotatedApiKey = Omit<z.infer<typeof rotatedApiKeySchema>, "key">;
export type DayOfUse = z.infer<typeof dayOfUseSchema>;
