import { z } from "@hono/zod-openapi";
import { pageFields } from "../../fields/page-query.ts";
import { pathId, timestamp, uuid } from "../../fields/text.ts";
import { projectName, projectPath, userLimit } from "../projects/schemas.ts";

export const roleSchema = z.enum(["platform_operator", "developer", "end_user"]).openapi({
  description: "Runs the platform, runs projects, or uses an app.",
  example: "end_user",
});

export const userSchema = z
  .object({
    id: uuid("user", "The account."),
    email: z.string().openapi({ description: "As it was registered.", example: "ada@example.com" }),
    full_name: z
      .string()
      .nullable()
      .openapi({ description: "How the person wants to be called.", example: "Ada Lovelace" }),
    role: roleSchema,
    is_active: z.boolean().openapi({ description: "False: the account is closed.", example: true }),
    is_verified: z.boolean().openapi({ description: "Whether the link of a mail was used.", example: false }),
    created_at: timestamp("When it was registered."),
    project_id: uuid("project", "The project of an end user, else null.").nullable(),
  })
  .openapi("User");

export type User = z.infer<typeof userSchema>;

/** The limits of one end user. */
const granted = {
  generations_per_day: userLimit("Instead of the project's `user_generations_per_day`. Null follows it.", 10),
  generations_per_month: userLimit("Instead of `user_generations_per_month`. Null follows it.", 100),
  concurrent_generations: userLimit("Instead of `user_concurrent`. Null follows it.", 2),
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
    is_active: z.boolean().openapi({ description: "False closes the account.", example: false }),
    ...granted,
  })
  .partial()
  .openapi("ProjectUserUpdateRequest");

export type ProjectUserChanges = z.infer<typeof projectUserChangesSchema>;

export const projectUsersSchema = z
  .object({ users: z.array(projectUserSchema).openapi({ description: "One page." }), ...pageFields })
  .openapi("ProjectUsers");

export type ProjectUser = z.infer<typeof projectUserSchema>;

export type ProjectUsers = z.infer<typeof projectUsersSchema>;

export const projectUserPath = projectPath.extend(
  pathId("user_id", "user", "An end user of the project.").shape,
);
