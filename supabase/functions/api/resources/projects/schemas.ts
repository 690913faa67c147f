import { z } from "@hono/zod-openapi";
import { origin } from "../../fields/origin.ts";
import { pageFields } from "../../fields/page-query.ts";
import { siteUrl } from "../../fields/site-url.ts";
import { emptyIsNull, listOf, oneLine, paragraph, pathId, timestamp, uuid } from "../../fields/text.ts";
import { mailChangesSchema, mailSettingsSchema } from "../mail/schemas.ts";

export const projectName = <T extends z.ZodType>(schema: T) =>
  schema.openapi({ description: "What the project is called, in mail too.", example: "Postcards" });
const projectDescription = {
  description: "A note for whoever runs it.",
  example: "Photos become postcards.",
};
const emailVerification = z.enum(["optional", "required"]).openapi({
  description:
    "`required`: an end user gets no tokens before the link of a mail is used. `optional`, the default: tokens at once.",
  example: "optional",
});
const allowedOrigins =
  "Browser origins that may call the API in the project's name. `*` is any, `*.` every sub-domain; an empty list is none.";
const siteAddress = {
  description: "The app's own address, which mails and our pages link back to.",
  example: "https://app.example.com",
};
const verifyUrl = {
  description:
    "The app's page for links that confirm an address; it gets `?token=` and `user_id=`. Null: a page of the API.",
  example: "https://app.example.com/verify-email",
};
const resetUrl = {
  description:
    "The app's page for links that set a new password; it gets `?token=`. Null: a page of the API.",
  example: "https://app.example.com/reset-password",
};
const projectActive = z
  .boolean()
  .openapi({ description: "False: its keys and end users are refused.", example: true });

const maxOrigins = 50;

export const userLimit = (description: string, example: number | null) =>
  z.int().min(1).max(1_000_000).nullable().openapi({ description, example });
const perUser = {
  user_generations_per_day: userLimit(
    "Charged pictures of one end user a UTC day. Null: only the plan limits.",
    3,
  ),
  user_generations_per_month: userLimit("The same a UTC month.", 30),
  user_concurrent: userLimit(
    "Pictures of one end user that may be made at once. Null: only the plan limits.",
    1,
  ),
};

export const projectFieldsSchema = z.object({
  name: projectName(oneLine({ min: 1, max: 255 })),
  description: emptyIsNull(paragraph({ max: 1000 })).openapi(projectDescription),
  email_verification: emailVerification.optional(),
  allowed_origins: listOf(origin, maxOrigins)
    .optional()
    .openapi({
      type: "array",
      maxItems: maxOrigins,
      items: { type: "string", maxLength: 255 },
      example: ["https://app.example.com", "https://*.example.com"],
      description: allowedOrigins,
    }),
  site_url: emptyIsNull(siteUrl).openapi({ ...siteAddress, format: "uri" }),
  verify_url: emptyIsNull(siteUrl).openapi({ ...verifyUrl, format: "uri" }),
  reset_url: emptyIsNull(siteUrl).openapi({ ...resetUrl, format: "uri" }),
  user_generations_per_day: perUser.user_generations_per_day.optional(),
  user_generations_per_month: perUser.user_generations_per_month.optional(),
  user_concurrent: perUser.user_concurrent.optional(),
  mail: mailChangesSchema
    .optional()
    .openapi({ description: "How its mail looks; what is left out stays as it is." }),
});

/** Omitted fields stay unchanged. A name of null counts as omitted. */
export const projectChangesSchema = projectFieldsSchema
  .extend({ name: projectFieldsSchema.shape.name.nullable(), is_active: projectActive })
  .partial()
  .openapi("ProjectUpdateRequest");

export const projectSchema = z
  .object({
    id: uuid("project", "What `X-Project-ID` names."),
    owner_id: uuid("developer", "The developer who runs it."),
    name: projectName(z.string()),
    description: z.string().nullable().openapi(projectDescription),
    is_active: projectActive,
    is_suspended: z.boolean().openapi({
      description: "True: an operator switched it off, and only an operator can switch it on.",
      example: false,
    }),
    email_verification: emailVerification,
    allowed_origins: z
      .array(z.string())
      .openapi({ description: allowedOrigins, example: ["https://app.example.com"] }),
    site_url: z.string().nullable().openapi(siteAddress),
    verify_url: z.string().nullable().openapi(verifyUrl),
    reset_url: z.string().nullable().openapi(resetUrl),
    ...perUser,
    mail: mailSettingsSchema.openapi({ description: "How its mail looks." }),
    plan_id: z
      .string()
      .nullable()
      .openapi({ description: "Set by an operator; null follows the owner's plan.", example: "starter" }),
    created_at: timestamp("When it was made."),
    updated_at: timestamp("When it was changed last."),
    deleted_at: timestamp("Only in the list of deleted projects: when it was deleted.", null).optional(),
    removed_after: timestamp(
      "Until then a deleted project can be restored; null is for ever.",
      null,
    ).nullish(),
  })
  .openapi("Project");

const countSchema = z
  .object({
    total: z.int().openapi({ description: "All of them.", example: 12 }),
    active: z.int().openapi({ description: "Those that are let in.", example: 11 }),
  })
  .openapi("CountStats", { description: "How many there are." });
export const projectStatsSchema = z
  .object({
    users: countSchema.openapi({ description: "End users." }),
    api_keys: countSchema.openapi({ description: "Project keys." }),
  })
  .openapi("ProjectStats");
export const allStatsSchema = projectStatsSchema
  .extend({ projects: countSchema.openapi({ description: "Projects." }) })
  .openapi("GlobalStats");

export const auditResourceSchema = z
  .enum(["project", "user", "api_key", "project_transfer", "webhook"])
  .openapi({ description: "What kind of thing was changed.", example: "project" });
export const auditActionSchema = z
  .enum(["create", "update", "delete"])
  .openapi({ description: "What was done to it.", example: "update" });

const auditEventSchema = z
  .object({
    id: z.int().openapi({ description: "Grows with time.", example: 4711 }),
    occurred_at: timestamp("When it was done."),
    resource: auditResourceSchema,
    resource_id: z
      .string()
      .openapi({ description: "The id of that thing.", example: "4f1d2c3b-8a7e-4c56-b1f0-9e8d7c6b5a02" }),
    action: auditActionSchema,
    changes: z.record(z.string(), z.record(z.string(), z.unknown())).openapi({
      description:
        "`{column: {old, new}}`; of a personal column only `{redacted: true}`; empty for a delete.",
      example: { name: { old: "Postcards", new: "Letters" } },
    }),
    actor_id: uuid("developer", "Whose account did it; null for a key alone and for the system.").nullable(),
    actor_role: z.enum(["platform_operator", "developer", "end_user", "anonymous", "system"]).openapi({
      description: "As what they did it.",
      example: "developer",
    }),
    ip: z
      .string()
      .nullable()
      .openapi({ description: "The address that the request came from.", example: "203.0.113.7" }),
    user_agent: z
      .string()
      .nullable()
      .openapi({ description: "The program that sent it.", example: "curl/8.14.1" }),
    request_id: z.string().nullable().openapi({
      description: "The request, as in its `X-Request-Id`.",
      example: "3d1b9f7e-7c25-4a6a-8d4c-2f6a8e0c4b09",
    }),
  })
  .openapi("AuditEvent");

export const auditEventsSchema = z
  .object({ events: z.array(auditEventSchema).openapi({ description: "One page." }), ...pageFields })
  .openapi("AuditEvents");

export type ProjectChanges = z.infer<typeof projectChangesSchema>;
export type AllStats = z.infer<typeof allStatsSchema>;
export type AuditEvents = z.infer<typeof auditEventsSchema>;
export type Project = z.infer<typeof projectSchema>;
export type ProjectFields = z.infer<typeof projectFieldsSchema>;
export const projectPath = pathId("project_id", "project", "The project.");
/** Filters a list to one of the caller's projects. */
export const projectFilter = z.object({ project_id: uuid("project", "Only of this project.").optional() });
