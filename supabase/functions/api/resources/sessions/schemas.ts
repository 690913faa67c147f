import { z } from "@hono/zod-openapi";
import { timestamp, uuid } from "../../fields/text.ts";

export const sessionSchema = z
  .object({
    id: uuid("session", "The session's id."),
    device: z.string().nullable().openapi({
      description: "The user agent of the last sign-in or refresh.",
      example: "Mozilla/5.0 (X11; Linux x86_64) Firefox/145.0",
    }),
    ip: z
      .string()
      .nullable()
      .openapi({ description: "The IP address of the last sign-in or refresh.", example: "203.0.113.7" }),
    created_at: timestamp("When the session began."),
    last_seen_at: timestamp("When the last sign-in or refresh happened.", "2026-11-24T10:30:00.123456Z"),
    expires_at: timestamp(
      "When the session ends: at most seven days after it began.",
      "2026-12-01T09:00:00.123456Z",
    ),
    current: z
      .boolean()
      .openapi({ description: "Whether this request belongs to the session.", example: true }),
  })
  .openapi("Session");

export type Session = z.infer<typeof sessionSchema>;
