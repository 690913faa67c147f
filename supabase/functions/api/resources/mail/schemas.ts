import { z } from "@hono/zod-openapi";
import { strictObject } from "../../fields/strict-object.ts";
import { emptyIsNull, hasInvisible, oneLine, text } from "../../fields/text.ts";
import { looksLikePlatform } from "../../mail/app-name.ts";
import { languageCodes } from "../../mail/languages.ts";
import type { MailSettings } from "../../mail/store.ts";
import { appMailKinds } from "../../mail/texts.ts";
import { predicates } from "../../predicates.ts";

const about = {
  sender_name: {
    description:
      "The sender's name, and the app's name in mails and on the API's pages. Null: the project's name. The sender's address " +
      "is always the platform's.",
    example: "Postcards",
  },
  logo_url: {
    description: "The https URL of a picture for the top of each mail. It is shown 40 pixels high.",
    example: "https://app.example.com/logo.png",
  },
  accent_color: {
    description:
      "The color of buttons, as `#rrggbb`. Their text is black or white, whichever is easier to read.",
    example: "#2563eb",
  },
  language: { description: "The language of mails and of the API's pages. Null: English.", example: "de" },
  footer: {
    description: "The text at the end of each mail. URLs in it must begin with `https://` and become links.",
    example: "Postcards Ltd, 1 Pier Road, Brighton\nhttps://app.example.com/imprint",
  },
} as const;

const senderName = oneLine({
  max: 100,
  check: (name) => (looksLikePlatform(name) ? predicates.platform_name : undefined),
});

const logoUrl = text({
  max: 2048,
  clean: (raw) => URL.parse(raw.trim())?.href ?? raw.trim(),
  check: (written) => {
    const url = URL.parse(written);
    return url?.protocol === "https:" && url.username === "" && url.password === ""
      ? undefined
      : predicates.logo_url;
  },
});

const accentColor = text({
  max: 64,
  clean: (raw) => raw.trim().toLowerCase(),
  check: (written) => (/^#[0-9a-f]{6}$/.test(written) ? undefined : predicates.color),
});

/** Mail clients turn URLs into links, so a footer may contain only https URLs. */
const otherAddress = /\b(?!https:)[a-z][a-z0-9+.-]*:\/\/|\bwww\./i;
const footer = text({
  max: 500,
  clean: (raw) => raw.replace(/\r\n?/g, "\n").replaceAll("\t", " ").trim().normalize("NFC"),
  check: (written) => {
    if (written.split("\n").some(hasInvisible)) return predicates.no_invisible;
    return otherAddress.test(written.replace(/https:\/\/www\./gi, "https://"))
      ? predicates.footer
      : undefined;
  },
});

/** Omitted fields stay unchanged. Null means the default. */
export const mailChangesSchema = strictObject({
  sender_name: emptyIsNull(senderName).openapi(about.sender_name),
  logo_url: emptyIsNull(logoUrl).openapi({ ...about.logo_url, format: "uri" }),
  accent_color: emptyIsNull(accentColor).openapi({
    ...about.accent_color,
    maxLength: 7,
    pattern: "^#[0-9A-Fa-f]{6}$",
  }),
  language: z
    .enum(languageCodes)
    .nullable()
    .transform((language) => language ?? "en")
    .openapi(about.language),
  footer: emptyIsNull(footer).openapi(about.footer),
})
  .partial()
  .openapi("MailSettingsUpdate");

export const mailSettingsSchema: z.ZodType<MailSettings> = z
  .object({
    sender_name: z.string().nullable().openapi(about.sender_name),
    logo_url: z.string().nullable().openapi(about.logo_url),
    accent_color: z.string().nullable().openapi(about.accent_color),
    language: z.enum(languageCodes).openapi(about.language),
    footer: z.string().nullable().openapi(about.footer),
  })
  .openapi("MailSettings");

export const sampleFields = {
  kind: z.enum(appMailKinds).openapi({ description: "The kind of the mail.", example: "verification" }),
  mail: mailChangesSchema
    .optional()
    .openapi({ description: "Settings to try out. For absent fields the project's settings apply." }),
};

export const writtenMailSchema = z
  .object({
    from_name: z.string().openapi({ description: "The sender's name.", example: "Postcards" }),
    from_address: z.string().openapi({
      description: "The sender's address, which is the platform's.",
      example: "no-reply@mail.example.com",
    }),
    subject: z.string().openapi({
      description: "The subject, in the project's language.",
      example: "Confirm your address for Postcards",
    }),
    text: z.string().openapi({
      description: "The mail as plain text.",
      example: "Confirm your address\n\nAn account at Postcards was created with this address. …",
    }),
    html: z.string().openapi({
      description: "The mail as a complete HTML page. Show it in an `<iframe sandbox srcdoc>`.",
      example: '<!doctype html>\n<html lang="en" dir="ltr">…</html>',
    }),
  })
  .openapi("WrittenMail");

export const sentTestSchema = z
  .object({
    email: z
      .string()
      .openapi({ description: "The address that the mail goes to.", example: "grace@example.com" }),
  })
  .openapi("SentTestMail");

type MailChanges = z.infer<typeof mailChangesSchema>;
export type Sample = { kind: (typeof appMailKinds)[number]; mail?: MailChanges | undefined };
