import { z } from "@hono/zod-openapi";
import { storableText, timestamp, uuid } from "../text.ts";

const bytes = (text: string) => new TextEncoder().encode(text).byteLength;

/** Trimmed, Unicode-normalised; compared without case by the database. */
export const emailSchema = storableText()
  .transform((text) => text.trim().normalize("NFC"))
  .pipe(z.email({ pattern: z.regexes.unicodeEmail, error: "is not an email address" }).max(320))
  .openapi({ type: "string", format: "email", example: "ada@example.com" });

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
  .openapi({ type: "string", example: "Correct-horse-9" });

export const fullNameSchema = storableText().max(255).nullish();

export const tokensSchema = z
  .object({
    access_token: z.string(),
    refresh_token: z.string(),
    token_type: z.literal("bearer"),
    expires_in: z.int().openapi({ description: "Seconds until the access token expires.", example: 1800 }),
  })
  .openapi("Tokens");

export const roleSchema = z.enum(["operator", "developer", "end_user"]);

export const userSchema = z
  .object({
    id: uuid(),
    email: z.string(),
    full_name: z.string().nullable(),
    role: roleSchema,
    is_active: z.boolean(),
    is_verified: z.boolean(),
    created_at: timestamp(),
    project_id: uuid().nullable().openapi({ description: "The project of an end user, else null." }),
  })
  .openapi("User");

export const sessionSchema = z
  .object({
    id: uuid(),
    device: z
      .string()
      .nullable()
      .openapi({ description: "The user agent that signed in or refreshed last." }),
    ip: z.string().nullable().openapi({ description: "The address of the last sign-in or refresh." }),
    created_at: timestamp(),
    last_seen_at: timestamp().openapi({ description: "The last sign-in or refresh." }),
    expires_at: timestamp().openapi({ description: "Seven days after it began, at the latest." }),
    current: z.boolean().openapi({ description: "Whether this request was made in it." }),
  })
  .openapi("Session");

export const messageSchema = z.object({ message: z.string() }).openapi("Message");

export type Session = z.infer<typeof sessionSchema>;
export type Tokens = z.infer<typeof tokensSchema>;
export type User = z.infer<typeof userSchema>;
