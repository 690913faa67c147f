import { z } from "@hono/zod-openapi";
import { userSchema } from "../auth/schemas.ts";
import { storableText, timestamp, uuid } from "../text.ts";

/** As browsers send it: lower case, no port that the scheme implies. */
const origin = z
  .string()
  .max(255)
  .regex(
    /^(\*|https?:\/\/(\*\.)?([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]*[a-z0-9])?(:\d{1,5})?)$/i,
    "is not an origin such as https://app.example.com or https://*.example.com",
  )
  .transform((text) => text.toLowerCase().replace(/^(https:.*):443$|^(http:.*):80$/, "$1$2"));

export const projectFieldsSchema = z.object({
  name: storableText().trim().min(1).max(255).openapi({ example: "Postcards" }),
  description: storableText().max(1000).nullish(),
  email_verification: z.enum(["optional", "required"]).optional(),
  allowed_origins: z
    .array(origin)
    .max(50)
    .optional()
    .openapi({
      type: "array",
      items: { type: "string", maxLength: 255 },
      example: ["https://app.example.com", "https://*.example.com"],
      description:
        "Browser origins that may call the API in the project's name. `*` is any, `*.` every sub-domain; an empty list is none.",
    }),
  site_url: z
    .url({ protocol: /^https?$/ })
    .max(2048)
    .nullish(),
});

/** Fields that are left out stay as they are; a name of null is left out. */
export const projectChangesSchema = projectFieldsSchema
  .extend({ name: projectFieldsSchema.shape.name.nullable(), is_active: z.boolean() })
  .partial()
  .openapi("ProjectUpdateRequest");

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
    plan_id: z
      .string()
      .nullable()
      .openapi({ description: "Set by an operator; null follows the owner's plan.", example: "starter" }),
    created_at: timestamp(),
    updated_at: timestamp(),
    deleted_at: timestamp().optional().openapi({ description: "Only in the list of deleted projects." }),
    removed_after: timestamp()
      .nullish()
      .openapi({ description: "Until then a deleted project can be restored; null is for ever." }),
  })
  .openapi("Project");

export const projectUserSchema = userSchema
  .extend({ joined_at: timestamp(), project_id: uuid(), project_name: z.string() })
  .openapi("ProjectUser");

export const projectUsersSchema = z
  .object({ users: z.array(projectUserSchema), total: z.int(), page: z.int(), page_size: z.int() })
  .openapi("ProjectUsers");

const countSchema = z.object({ total: z.int(), active: z.int() }).openapi("CountStats");
export const projectStatsSchema = z
  .object({ users: countSchema, api_keys: countSchema })
  .openapi("ProjectStats");
export const allStatsSchema = projectStatsSchema.extend({ projects: countSchema }).openapi("GlobalStats");

export const auditResourceSchema = z.enum(["project", "user", "api_key"]);
export const auditActionSchema = z.enum(["create", "update", "delete"]);

const auditEventSchema = z
  .object({
    id: z.int(),
    occurred_at: timestamp(),
    resource: auditResourceSchema,
    resource_id: z.string(),
    action: auditActionSchema,
    changes: z.record(z.string(), z.record(z.string(), z.unknown())).openapi({
      description:
        "`{column: {old, new}}`; of a personal column only `{redacted: true}`; empty for a delete.",
      example: { name: { old: "Postcards", new: "Letters" } },
    }),
    actor_id: uuid().nullable(),
    actor_role: z.enum(["operator", "developer", "end_user", "anonymous", "system"]),
    ip: z.string().nullable(),
    user_agent: z.string().nullable(),
    request_id: z.string().nullable(),
  })
  .openapi("AuditEvent");

export const auditEventsSchema = z
  .object({ events: z.array(auditEventSchema), total: z.int(), page: z.int(), page_size: z.int() })
  .openapi("AuditEvents");

export type ProjectChanges = z.infer<typeof projectChangesSchema>;
export type ProjectUser = z.infer<typeof projectUserSchema>;
export type ProjectUsers = z.infer<typeof projectUsersSchema>;
export type AllStats = z.infer<typeof allStatsSchema>;
export type AuditEvents = z.infer<typeof auditEventsSchema>;
export type Project = z.infer<typeof projectSchema>;
export type ProjectFields = z.infer<typeof projectFieldsSchema>;
export const projectPath = z.object({
  project_id: uuid().openapi({ param: { name: "project_id", in: "path" } }),
});
