import { text } from "../../../fields/text.ts";

/** The most characters of a password. A longer one is refused before anything is computed from it. */
const longest = 1024;
/** bcrypt ignores further bytes, so longer passwords with the same beginning would match. */
const hashedBytes = 72;

const encoder = new TextEncoder();
/** Whether Auth's hash covers the whole password. */
export const fits = (text: string) => encoder.encode(text).byteLength <= hashedBytes;

/** A new password in NFC, since keyboards write the same letters differently. Each reason for a refusal has its own sentence. */
export const newPasswordSchema = text({ max: longest, clean: (raw) => raw.normalize("NFC") })
  .refine((text) => [...text].length >= 8, "must have at least 8 characters")
  .refine(
    fits,
    "is too long: at most 72 letters of English, fewer where letters have accents or are of another script",
  )
  .refine((text) => /[a-z]/.test(text), "must contain a lower-case letter (a to z)")
  .refine((text) => /[A-Z]/.test(text), "must contain an upper-case letter (A to Z)")
  .refine((text) => /[0-9]/.test(text), "must contain a digit (0 to 9)")
  .openapi({
    type: "string",
    minLength: 8,
    maxLength: longest,
    example: "Correct-horse-9",
    description:
      "At least 8 characters with a lower-case letter, an upper-case letter and a digit; at most 72 bytes of UTF-8 in NFC. Spaces count.",
  });

/** The password of a login: any text of bounded length. */
export const passwordSchema = text({ min: 1, max: longest }).openapi({
  example: "Correct-horse-9",
  description: "The account's current password.",
});
