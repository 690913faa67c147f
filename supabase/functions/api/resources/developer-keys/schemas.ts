import { z } from "@hono/zod-openapi";
import { strictObject } from "../../fields/strict-object.ts";
import { pathId } from "../../fields/text.ts";
import { apiKeyFields, apiKeySchema, wholeKey } from "../api-keys/schemas.ts";

export const developerKeyFieldsSchema = strictObject({
  ...apiKeyFields,
  management: z.boolean().default(false).openapi({
    description:
      "Whether the key manages projects without an access token. Only for servers: the API refuses it on requests from browsers.",
    example: false,
  }),
});

export const developerKeySchema = apiKeySchema
  .omit({ status: true, grace_ends_at: true })
  .extend({
    management: z
      .boolean()
      .openapi({ description: "Whether the key manages projects without an access token.", example: false }),
  })
  .openapi("DeveloperKey");

export const createdDeveloperKeySchema = developerKeySchema
  .extend({ key: wholeKey() })
  .openapi("CreatedDeveloperKey");

export const developerKeyPath = pathId("key_id", "key", "The key's id from the list, not the key itself.");

export type DeveloperKey = z.infer<typeof developerKeySchema>;
