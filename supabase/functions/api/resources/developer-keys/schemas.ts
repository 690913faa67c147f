import { z } from "@hono/zod-openapi";
import { apiKeyFieldsSchema, apiKeySchema } from "../keys/schemas.ts";
import { uuid } from "../text.ts";

export const developerKeyFieldsSchema = apiKeyFieldsSchema.extend({
  management: z.boolean().default(false).openapi({
    description:
      "Whether the key alone, without a token, manages projects. For servers: it is refused on requests from browsers.",
  }),
});

export const developerKeySchema = apiKeySchema.extend({ management: z.boolean() }).openapi("DeveloperKey");

export const createdDeveloperKeySchema = developerKeySchema
  .extend({
    key: z.string().openapi({ description: "The whole key. It is shown only here.", example: "ak_Qx3vT…" }),
  })
  .openapi("CreatedDeveloperKey");

export const rotationSchema = z.object({
  grace_seconds: z.int().min(0).max(604_800).default(0).openapi({
    description: "How long the old key goes on working.",
  }),
});

export const developerKeyPath = z.object({
  key_id: uuid().openapi({ param: { name: "key_id", in: "path" } }),
});

export type DeveloperKey = z.infer<typeof developerKeySchema>;
