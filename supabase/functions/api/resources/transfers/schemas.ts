import { z } from "@hono/zod-openapi";
import { timestamp, uuid } from "../../fields/text.ts";

export const transferSchema = z
  .object({
    project_id: uuid("project", "The offered project."),
    project_name: z.string().openapi({ description: "The name of the project.", example: "Postcards" }),
    email: z.string().openapi({
      description: "The email address of the developer who gets the offer.",
      example: "grace@example.com",
    }),
    owner_email: z
      .string()
      .openapi({ description: "The email address of the current owner.", example: "ada@example.com" }),
    created_at: timestamp("When the offer was made."),
    expires_at: timestamp(
      "When the offer expires: seven days after it was made.",
      "2026-12-01T09:00:00.123456Z",
    ),
  })
  .openapi("ProjectTransfer");

export type Transfer = z.infer<typeof transferSchema>;
