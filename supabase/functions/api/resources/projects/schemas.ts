import { z } from "@hono/zod-openapi";
import { origin } from "../../fields/origin.ts";
import { pageFields } from "../../fields/page-query.ts";
import { siteUrl } from "../../fields/site-url.ts";
import { emptyIsNull, listOf, oneLine, paragraph, pathId, timestamp, uuid } from "../../fields/text.ts";
import { mailChangesSchema, mailSettingsSchema } from "../mail/schemas.ts";

export const projectName = <T extends z.ZodType>(schema: T) =>
  schema.openapi({ description: "The project's name. Mail shows it too.", example: "Postcards" });
const projectDescription = {
  description: "A note for the people who run the project.",
  example: "Photos become postcards.",
};
const emailVerification = z.enum(["optional", "required"]).openapi({
  description:
    "`required`: an end user gets tokens only after the address is verified. `optional`, the default: registration returns " +
    "tokens at once.",
  example: "optional",
});
const allowedOrigins =
  "Origins of web pages that may call the API for this project. `*` allows every origin, `https://*.example.com` every " +
  "subdomain. An empty list allows none.";
const siteAddress = {
  description: "The URL of the app. Mails and the API's pages link to it.",
  example: "https://app.example.com",
};
const verifyUrl = {
  description:
    "The app's page that verification links open, with `?token=` and `user_id=`. Null: a page of the API.",
  example: "https://app.example.com/verify-email",
};
const resetUrl = {
  description: "The app's page that password reset links open, with `?token=`. Null: a page of the API.",
  example: "https://app.example.com/reset-password",
};
const projectActive = z
  .boolean()
  .openapi({ description: "False: the API refuses its keys and end users.", example: true });

const maxOrigins = 50;

export const userLimit = (description: string, example: number | null) =>
  z.int().min(1).max(1_000_000).nullable().openapi({ description, example });
const perUser = {
  user_generations_per_day: userLimit(
    "Charged generations of one end user per UTC day. Null: only the plan's limit applies.",
    3,
  ),
  user_generations_per_month: userLimit(
    "Charged generations of one end user per UTC month. Null: only the plan's limit applies.",
    30,
  ),
  user_concurrent: userLimit(
    "Generations of one end user that may run at once. Null: only the plan's limit applies.",
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
    .openapi({ description: "How the project's mail looks. Absent fields stay unchanged." }),
});

/** Omitted fields stay unchanged. A name of null counts as omitted. */
export const projectChangesSchema = projectFieldsSchema
  .extend({ name: projectFieldsSchema.shape.name.nullable(), is_active: projectActive })
  .partial()
  .openapi("ProjectUpdateRequest");

export const projectSchema = z
  .object({
    id: uuid("project", "The project's id. Send it as `X-Project-ID`."),
    owner_id: uuid("developer", "The developer who owns the project."),
    name: projectName(z.string()),
    description: z.string().nullable().openapi(projectDescription),
    is_active: projectActive,
    is_suspended: z.boolean().openapi({
      description: "True: an operator suspended the project, and only an operator can end that.",
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
    mail: mailSettingsSchema.openapi({ description: "How the project's mail looks." }),
    plan_id: z.string().nullable().openapi({
      description: "The plan that an operator set for this project. Null: the owner's plan applies.",
      example: "starter",
    }),
    created_at: timestamp("When it was created."),
    updated_at: timestamp("When it was last changed."),
    deleted_at: timestamp(
      "When the project was deleted. Only in the list of deleted projects.",
      null,
    ).optional(),
    removed_after: timestamp(
      "Until then the deleted project can be restored. Null: without a time limit.",
      null,
    ).nullish(),
  })
  .openapi("Project");

const countSchema = z
  .object({
    total: z.int().openapi({ description: "The number of all entries.", example: 12 }),
    active: z.int().openapi({ description: "The number of active entries.", example: 11 }),
  })
  .openapi("CountStats", { description: "How many there are." });
export const projectStatsSchema = z
  .object({
    users: countSchema.openapi({ description: "The number of end users." }),
    api_keys: countSchema.openapi({ description: "The number of API keys." }),
  })
  .openapi("ProjectStats");
export const allStatsSchema = projectStatsSchema
  .extend({ projects: countSchema.openapi({ description: "The number of projects." }) })
  .openapi("GlobalStats");

export const auditResourceSchema = z
  .enum(["project", "user", "api_key", "project_transfer", "webhook"])
  .openapi({ description: "The kind of the changed resource.", example: "project" });
export const auditActionSchema = z
  .enum(["create", "update", "delete"])
  .openapi({ description: "What was done to the resource.", example: "update" });

const auditEventSchema = z
  .object({
    id: z.int().openapi({ description: "The event's id. A later event has a higher id.", example: 4711 }),
    occurred_at: timestamp("When the change was made."),
    resource: auditResourceSchema,
    resource_id: z.string().openapi({
      description: "The id of the changed resource.",
      example: "4f1d2c3b-8a7e-4c56-b1f0-9e8d7c6b5a02",
    }),
    action: auditActionSchema,
    changes: z.record(z.string(), z.record(z.string(), z.unknown())).openapi({
      description:
        "`{column: {old, new}}` for each changed column, `{redacted: true}` for a column with personal data. Empty for a delete.",
      example: { name: { old: "Postcards", new: "Letters" } },
    }),
    actor_id: uuid(
      "developer",
      "The account that made the change. Null for a key without an account and for the system.",
    ).nullable(),
    actor_role: z.enum(["platform_operator", "developer", "end_user", "anonymous", "system"]).openapi({
      description: "The role in which the change was made.",
      example: "developer",
    }),
    ip: z
      .string()
      .nullable()
      .openapi({ description: "The IP address of the request.", example: "203.0.113.7" }),
    user_agent: z
      .string()
      .nullable()
      .openapi({ description: "The user agent of the request.", example: "curl/8.14.1" }),
    request_id: z.string().nullable().openapi({
      description: "The `X-Request-Id` of the request.",
      example: "3d1b9f7e-7c25-4a6a-8d4c-2f6a8e0c4b09",
    }),
  })
  .openapi("AuditEvent");

export const auditEventsSchema = z
  .object({
    events: z.array(auditEventSchema).openapi({ description: "The entries of this page." }),
    ...pageFields,
  })
  .openapi("AuditEvents");

export type ProjectChanges = z.infer<typeof projectChangesSchema>;
export type AllStats = z.infer<typeof allStatsSchema>;
export type AuditEvents = z.infer<typeof auditEventsSchema>;
export type Project = z.infer<typeof projectSchema>;
export type ProjectFields = z.infer<typeof projectFieldsSchema>;
export const projectPath = pathId("project_id", "project", "The project's id.");
/** Filters a list to one of the caller's projects. */
export const projectFilter = z.object({
  project_id: uuid("project", "Only the entries of this project.").optional(),
});
