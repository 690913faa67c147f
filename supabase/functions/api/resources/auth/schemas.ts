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
      "One plain email address of at most 254 bytes. Case does not matter. A domain in Unicode equals the same domain in punycode.",
  });

export const fullNameSchema = emptyIsNull(oneLine({ max: 255 })).openapi({
  description: "The person's name.",
  example: "Ada Lovelace",
});

export const accessToken = z.string().openapi({
  description: "A JWT for `Authorization: Bearer`. It is valid for 30 minutes, or until its session ends.",
  example: "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiI5YzJlNGI3YSJ9.c2lnbmF0dXJl",
});
export const refreshToken = z.string().openapi({
  description: "Works once, at `POST /auth/refresh`. The session lasts at most seven days.",
  example: "v1NxP0aZq7Kd",
});
export const tokenType = z
  .literal("bearer")
  .openapi({ description: "The authentication scheme for the access token.", example: "bearer" });

export const tokensSchema = z
  .object({
    access_token: accessToken,
    refresh_token: refreshToken,
    token_type: tokenType,
    expires_in: z.int().openapi({ description: "Seconds until the access token expires.", example: 1800 }),
  })
  .openapi("Tokens");

export const message = (example: string) =>
  z.string().openapi({ description: "A sentence that you may show to a person.", example });
export const messageSchema = z
  .object({ message: message("If the account exists and is not verified, we are sending a mail to it.") })
  .openapi("Message");

export const mailToken = () =>
  text({ min: 1, max: 2048 }).openapi({
    description:
      "The part of the mail's link after `token=`, or the whole link. Spaces, line breaks, dashes and full-width characters " +
      "do not matter.",
    example: "4c1f9a7e5d3b8f0264c1a7e94c1f9a7e5d3b8f0264c1a7e94c1f9a7e5d3b8f02",
  });

/** The code of a mail as text, or as a number that a client made of it. */
export const mailCode = () =>
  z
    .union([text({ min: 1, max: 2048 }), z.int().min(0).max(99_999_999)])
    .transform((code) => (typeof code === "number" ? codeOfNumber(code) : code))
    .openapi({
      type: ["string", "integer"],
      description: "The code of eight digits in the mail, or the token of its link.",
      example: "4829 1357",
    });

export const checkedTokenSchema = z
  .object({
    purpose: z.enum(["verification", "password_reset", "email_change"]).openapi({
      description:
        "Send a `password_reset` token to `POST /auth/reset-password`, any other to `POST /auth/verify-email`.",
      example: "verification",
    }),
    state: z.enum(["valid", "used", "expired"]).openapi({
      description: "`used`: this token or another one was already used. `expired`: request a new mail.",
      example: "valid",
    }),
    expires_at: timestamp("When the token expires."),
    project: z
      .object({
        id: uuid("project", "The project of the account."),
        name: z
          .string()
          .openapi({ description: "The app's name in the project's mail.", example: "Postcards" }),
        site_url: z
          .string()
          .nullable()
          .openapi({ description: "The URL of the app.", example: "https://app.example.com" }),
        language: z
          .enum(languageCodes)
          .openapi({ description: "The language of the project's mail.", example: "de" }),
        accent_color: z
          .string()
          .nullable()
          .openapi({ description: "The color of buttons.", example: "#2563eb" }),
        accent_text_color: z
          .enum(["#000000", "#ffffff"])
          .nullable()
          .openapi({ description: "A text color that is readable on `accent_color`.", example: "#ffffff" }),
      })
      .nullable()
      .openapi({ description: "The project of the account. Null for developers and operators." }),
  })
  .openapi("CheckedMailToken");

export type CheckedToken = z.infer<typeof checkedTokenSchema>;
export type FoundToken = Omit<CheckedToken, "project"> & {
  project: { id: string; name: string; site_url: string | null; mail: MailSettings } | null;
};
export type Tokens = z.infer<typeof tokensSchema>;
