import { z } from "@hono/zod-openapi";
import { storableText, timestamp, uuid } from "../text.ts";

const bytes = (text: string) => new TextEncoder().encode(text).byteLength;

/** Trimmed, Unicode-normalised; compared without case by the database. */
export const emailSchema = storableText()
  .transform((text) => text.trim().normalize("NFC"))
  .pipe(z.email({ pattern: z.regexes.unicodeEmail, error: "is not an email address" }).max(320))
  .openapi({
    type: "string",
    format: "idn-email",
    example: "ada@example.com",
    description: "Where mail reaches the person. Compared without regard to case; at most 320 characters.",
  });

/** A new password: the reasons are told one by one. */
export const newPasswordSchema = storableText()
  .refine((text) => bytes(text) >= 8, "must have at least 8 bytes")
  .refine((text) => bytes(text) <= 72, "must have at most 72 bytes")
  .refine((text) => /[a-z]/.test(text), "must contain a lower-case letter")
  .refine((text) => /[A-Z]/.test(text), "must contain an upper-case letter")
  .refine((text) => /[0-9]/.test(text), "must contain a digit")
  .openapi({
    type: "string",
    minLength: 8,
    example: "Correct-horse-9",
    description: "8 to 72 bytes with a lower-case letter, an upper-case letter and a digit.",
  });

/** A password that is tried: any text, bounded so that hashing stays cheap. */
export const passwordSchema = storableText()
  .refine((text) => text.length >= 1 && text.length <= 1024, "must have 1 to 1024 characters")
  .openapi({
    type: "string",
    minLength: 1,
    maxLength: 1024,
    example: "Correct-horse-9",
    description: "The account's password.",
  });

export const fullNameSchema = storableText()
  .max(255)
  .nullish()
  .openapi({ description: "How the person wants to be called.", example: "Ada Lovelace" });

export const accessToken = z.string().openapi({
  description: "A JWT for `Authorization: Bearer`; good for 30 minutes, or until its session ends.",
  example: "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiI5YzJlNGI3YSJ9.c2lnbmF0dXJl",
});
export const refreshToken = z.string().openapi({
  description: "Works once, at `POST /auth/refresh`. The session lasts seven days.",
  example: "v1NxP0aZq7Kd",
});
export const tokenType = z
  .literal("bearer")
  .openapi({ description: "How the access token is sent.", example: "bearer" });

export const tokensSchema = z
  .object({
    access_token: accessToken,
    refresh_token: refreshToken,
    token_type: tokenType,
    expires_in: z.int().openapi({ description: "Seconds until the access token expires.", example: 1800 }),
  })
  .openapi("Tokens");

export const roleSchema = z.enum(["operator", "developer", "end_user"]).openapi({
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
    last_seen_at: timestamp("The last sign-in or refresh.", "2026-11-24T10:30:00.123456+00:00"),
    expires_at: timestamp("Seven days after it began, at the latest.", "2026-12-01T09:00:00.123456+00:00"),
    current: z.boolean().openapi({ description: "Whether this request was made in it.", example: true }),
  })
  .openapi("Session");

export const message = (example: string) =>
  z.string().openapi({ description: "A sentence for a person.", example });
export const messageSchema = z
  .object({ message: message("If the account has an address to verify, a mail is on its way.") })
  .openapi("Message");

export const mailToken = () =>
  storableText().min(1).max(1024).openapi({
    description: "What the link in the mail has after `token=`.",
    example: "4c1f9a7e5d3b8f0264c1a7e9",
  });

export type Session = z.infer<typeof sessionSchema>;
export type Tokens = z.infer<typeof tokensSchema>;
export type User = z.infer<typeof userSchema>;
