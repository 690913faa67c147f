import { z } from "@hono/zod-openapi";
import { pageFields } from "../../fields/page-query.ts";
import { pathId, timestamp, uuid } from "../../fields/text.ts";
import { projectName, projectPath, userLimit } from "../projects/schemas.ts";

const roleSchema = z.enum(["platform_operator", "developer", "end_user"]).openapi({
  description: "An operator runs the platform, a developer runs projects, an end user uses an app.",
  example: "end_user",
});

export const userSchema = z
  .object({
    id: uuid("user", "The account's id."),
    email: z.string().openapi({ description: "The account's email address.", example: "ada@example.com" }),
    full_name: z.string().nullable().openapi({ description: "The person's name.", example: "Ada Lovelace" }),
    role: roleSchema,
    is_active: z
      .boolean()
      .openapi({ description: "False: the account is deactivated and cannot sign in.", example: true }),
    is_verified: z
      .boolean()
      .openapi({ description: "Whether the email address was verified.", example: false }),
    created_at: timestamp("When the account was registered."),
    project_id: uuid("project", "The project of an end user. Null for developers and operators.").nullable(),
  })
  .openapi("User");

export type User = z.infer<typeof userSchema>;

/** The limits of one end user. */
const granted = {
  generations_per_day: userLimit(
    "This user's limit, instead of the project's `user_generations_per_day`. Null: the project's limit applies.",
    10,
  ),
  generations_per_month: userLimit(
    "This user's limit, instead of the project's `user_generations_per_month`. Null: the project's limit applies.",
    100,
  ),
  concurrent_generations: userLimit(
    "This user's limit, instead of the project's `user_concurrent`. Null: the project's limit applies.",
    2,
  ),
};

export const projectUserSchema = userSchema
  .extend({
    joined_at: timestamp("The same as `created_at`; the older name."),
    project_id: uuid("project", "The project that the account belongs to."),
    project_name: projectName(z.string()),
    ...granted,
  })
  .openapi("ProjectUser");

/** Omitted fields stay unchanged. */
export const projectUserChangesSchema = z
  .object({
    is_active: z
      .boolean()
      .openapi({ description: "False deactivates the account, true activates it again.", example: false }),
    ...granted,
  })
  .partial()
  .openapi("ProjectUserUpdateRequest");

export type ProjectUserChanges = z.infer<typeof projectUserChangesSchema>;

export const projectUsersSchema = z
  .object({
    users: z.array(projectUserSchema).openapi({ description: "The entries of this page." }),
    ...pageFields,
  })
  .openapi("ProjectUsers");

export type ProjectUser = z.infer<typeof projectUserSchema>;

export type ProjectUsers = z.infer<typeof projectUsersSchema>;

export const projectUserPath = projectPath.extend(
  pathId("user_id", "user", "The id of an end user of the project.").shape,
);
