import { text } from "../../../fields/text.ts";

/** Characters that are looked at: more is refused before anything is computed from them. */
const longest = 1024;
/** bcrypt reads no further, so that longer passwords would match each other. */
const hashedBytes = 72;

const encoder = new TextEncoder();
/** Whether Auth's hash reads the whole password. */
export const fits = (text: string) => encoder.encode(text).byteLength <= hashedBytes;

/** A new password, in NFC: keyboards write the same letters in different ways. The reasons are told one by one. */
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

/** A password that is tried: any text, bounded so that it is cheap to look at. */
export const passwordSchema = text({ min: 1, max: longest }).openapi({
  example: "Correct-horse-9",
  description: "The account's password.",
});
