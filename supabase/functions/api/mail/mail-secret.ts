import { createHash, createHmac, randomBytes, randomInt } from "node:crypto";

const codeLength = 8;

/** What a mail carries: a token for its link, and a short code for a person who types. */
export type MailSecret = { token: string; code: string };

/** 256 random bits, in characters that survive copying, and eight random digits. */
export function createMailSecret(): MailSecret {
  return {
    token: randomBytes(32).toString("hex"),
    code: String(randomInt(10 ** codeLength)).padStart(codeLength, "0"),
  };
}

/** What the database keeps of a token. */
export const digestOf = (token: string) => createHash("sha256").update(token).digest("hex");

/** What the database keeps of a code. Keyed: all codes could be hashed in seconds. */
export const codeDigest = (secretKey: string, userId: string, code: string) =>
  createHmac("sha256", `mail codes v1:${secretKey}`).update(`${userId}/${code}`).digest("hex");

/** As it stands in a mail, in two halves. */
export const spelledCode = (code: string) => `${code.slice(0, codeLength / 2)} ${code.slice(codeLength / 2)}`;

/** A code that was sent as a JSON number has lost its leading zeros. */
export const codeOfNumber = (code: number) => String(code).padStart(codeLength, "0");

/**
 * The token or code in what a person pasted: a whole link, or either with spaces, line breaks, dashes or full-width digits in it.
 * What is neither comes back as a token, which nobody has.
 */
export function readPasted(text: string): { token: string } | { code: string } {
  const inLink = /[#?&]token=([^&#\s]+)/.exec(text)?.[1];
  const plain = (inLink ?? text)
    .normalize("NFKC")
    .toLowerCase()
    .replace(/[^0-9a-z]/g, "");
  return /^\d+$/.test(plain) && plain.length === codeLength ? { code: plain } : { token: plain };
}
