import { z } from "@hono/zod-openapi";
import { timestamp, uuid } from "../../fields/text.ts";

export const sessionSchema = z
  .object({
    id: uuid("session", "The session."),
    device: z.string().nullable().openapi({
      description: "The user agent that signed in or refreshed last.",
      example: "Mozilla/5.0 (X11; Linux x86_64) Firefox/145.0",
    }),
    ip: z
      .string()
      .nullable()
      .openapi({ description: "The address of the last sign-in or refresh.", example: "203.0.113.7" }),
    created_at: timestamp("When it began."),
    last_seen_at: timestamp("The last sign-in or refresh.", "2026-11-24T10:30:00.123456Z"),
    expires_at: timestamp("Seven days after it began, at the latest.", "2026-12-01T09:00:00.123456Z"),
    current: z.boolean().openapi({ description: "Whether this request was made in it.", example: true }),
  })
  .openapi("Session");

export type Session = z.infer<typeof sessionSchema>;
