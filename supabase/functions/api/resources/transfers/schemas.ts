import { z } from "@hono/zod-openapi";
import { timestamp, uuid } from "../../fields/text.ts";

export const transferSchema = z
  .object({
    project_id: uuid("project", "What is offered."),
    project_name: z.string().openapi({ description: "What it is called.", example: "Postcards" }),
    email: z.string().openapi({ description: "Whom it is offered to.", example: "grace@example.com" }),
    owner_email: z.string().openapi({ description: "Who owns it now.", example: "ada@example.com" }),
    created_at: timestamp("When it was offered."),
    expires_at: timestamp(
      "Seven days later: from then on it cannot be accepted.",
      "2026-12-01T09:00:00.123456Z",
    ),
  })
  .openapi("ProjectTransfer");

export type Transfer = z.infer<typeof transferSchema>;
