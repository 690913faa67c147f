import { createHash, createHmac, randomBytes, randomInt } from "node:crypto";

const codeLength = 8;

/** The secrets of a mail: a token for its link, and a short code that a person can type. */
export type MailSecret = { token: string; code: string };

/** 256 random bits in hex, and eight random digits. */
export function createMailSecret(): MailSecret {
  return {
    token: randomBytes(32).toString("hex"),
    code: String(randomInt(10 ** codeLength)).padStart(codeLength, "0"),
  };
}

/** The stored digest of a token. */
export const digestOf = (token: string) => createHash("sha256").update(token).digest("hex");

/** The stored digest of a code. It is keyed, since all codes could be hashed in seconds. */
export const codeDigest = (secretKey: string, userId: string, code: string) =>
  createHmac("sha256", `mail codes v1:${secretKey}`).update(`${userId}/${code}`).digest("hex");

/** The code as a mail shows it, in two halves. */
export const spelledCode = (code: string) => `${code.slice(0, codeLength / 2)} ${code.slice(codeLength / 2)}`;

/** A code that was sent as a JSON number has lost its leading zeros. */
export const codeOfNumber = (code: number) => String(code).padStart(codeLength, "0");

/**
 * Reads the token or code in a pasted text: a whole link, or a secret with spaces, line breaks, dashes or full-width digits.
 * Any other text becomes a token that does not exist.
 */
export function readPasted(text: string): { token: string } | { code: string } {
  const inLink = /[#?&]token=([^&#\s]+)/.exec(text)?.[1];
  const plain = (inLink ?? text)
    .normalize("NFKC")
    .toLowerCase()
    .replace(/[^0-9a-z]/g, "");
  return /^\d+$/.test(plain) && plain.length === codeLength ? { code: plain } : { token: plain };
}
