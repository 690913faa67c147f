import { z } from "@hono/zod-openapi";
import { storableText, timestamp, uuid } from "../text.ts";

const origin = z
  .string()
  .max(255)
  .regex(
    /^(\*|https?:\/\/(\*\.)?[a-z0-9.-]+(:\d{1,5})?)$/i,
    "is not an origin such as https://app.example.com or https://*.example.com",
  );

export const projectFieldsSchema = z.object({
  name: storableText().trim().min(1).max(255).openapi({ example: "Postcards" }),
  description: storableText().max(1000).nullish(),
  email_verification: z.enum(["optional", "required"]).optional(),
  allowed_origins: z.array(origin).max(50).optional(),
  site_url: z
    .url({ protocol: /^https?$/ })
    .max(2048)
    .nullish(),
});

export const projectSchema = z
  .object({
    id: uuid(),
    owner_id: uuid(),
    name: z.string(),
    description: z.string().nullable(),
    is_active: z.boolean(),
    email_verification: z.enum(["optional", "required"]),
    allowed_origins: z.array(z.string()),
    site_url: z.string().nullable(),
    created_at: timestamp(),
    updated_at: timestamp(),
  })
  .openapi("Project");

export type Project = z.infer<typeof projectSchema>;
export type ProjectFields = z.infer<typeof projectFieldsSchema>;
export const projectPath = z.object({
  project_id: uuid().openapi({ param: { name: "project_id", in: "path" } }),
});
