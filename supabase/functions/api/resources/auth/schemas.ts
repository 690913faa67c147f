import { z } from "@hono/zod-openapi";
import { parseEmailAddress } from "../../email-address.ts";
import { emptyIsNull, oneLine, text, timestamp, uuid } from "../../fields/text.ts";
import { languageCodes } from "../../mail/languages.ts";
import { codeOfNumber } from "../../mail/mail-secret.ts";
import type { MailSettings } from "../../mail/store.ts";
import { predicates } from "../../predicates.ts";

/** A plain email address. The mailer uses the same parser. */
export const emailSchema = text({ max: 320 })
  .transform((sent, context) => {
    const address = parseEmailAddress(sent);
    if (address === null) context.addIssue({ code: "custom", message: predicates.email });
    return address ?? z.NEVER;
  })
  .openapi({
    type: "string",
    format: "idn-email",
    maxLength: 320,
    example: "ada@example.com",
    description:
      "Where mail reaches the person: one plain address of at most 254 bytes. Upper and lower case are one, and so are the Unicode and punycode of a domain.",
  });

export const fullNameSchema = emptyIsNull(oneLine({ max: 255 })).openapi({
  description: "How the person wants to be called.",
  example: "Ada Lovelace",
});

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

export const message = (example: string) =>
  z.string().openapi({ description: "A sentence for a person.", example });
export const messageSchema = z
  .object({ message: message("If the account has an address to verify, a mail is on its way.") })
  .openapi("Message");

export const mailToken = () =>
  text({ min: 1, max: 2048 }).openapi({
    description:
      "What the link in the mail has after `token=`, or the whole link. Spaces, line breaks, dashes and full-width characters do not matter.",
    example: "4c1f9a7e5d3b8f0264c1a7e94c1f9a7e5d3b8f0264c1a7e94c1f9a7e5d3b8f02",
  });

/** The code of a mail as text, or as a number that a client made of it. */
export const mailCode = () =>
  z
    .union([text({ min: 1, max: 2048 }), z.int().min(0).max(99_999_999)])
    .transform((code) => (typeof code === "number" ? codeOfNumber(code) : code))
    .openapi({
      type: ["string", "integer"],
      description: "The eight digits of the mail, or the token of its link.",
      example: "4829 1357",
    });

export const checkedTokenSchema = z
  .object({
    purpose: z.enum(["verification", "password_reset", "email_change"]).openapi({
      description:
        "`password_reset` goes to `POST /auth/reset-password`, the others to `POST /auth/verify-email`.",
      example: "verification",
    }),
    state: z.enum(["valid", "used", "expired"]).openapi({
      description: "`used`: it did its work, or another token did. `expired`: ask for a new mail.",
      example: "valid",
    }),
    expires_at: timestamp("From when it is refused."),
    project: z
      .object({
        id: uuid("project", "The project of the account."),
        name: z.string().openapi({ description: "What its mail calls the app.", example: "Postcards" }),
        site_url: z
          .string()
          .nullable()
          .openapi({ description: "The app's own address.", example: "https://app.example.com" }),
        language: z.enum(languageCodes).openapi({ description: "What its mail speaks.", example: "de" }),
        accent_color: z
          .string()
          .nullable()
          .openapi({ description: "The colour of buttons.", example: "#2563eb" }),
        accent_text_color: z
          .enum(["#000000", "#ffffff"])
          .nullable()
          .openapi({ description: "What can be read on it.", example: "#ffffff" }),
      })
      .nullable()
      .openapi({ description: "Null for developers and operators." }),
  })
  .openapi("CheckedMailToken");

export type CheckedToken = z.infer<typeof checkedTokenSchema>;
export type FoundToken = Omit<CheckedToken, "project"> & {
  project: { id: string; name: string; site_url: string | null; mail: MailSettings } | null;
};
export type Tokens = z.infer<typeof tokensSchema>;
