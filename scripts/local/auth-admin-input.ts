import { authRefusal } from "./auth-refusal.ts";

const emailPattern = /^[^\s@]+@[^\s@]+\.[^\s@]+$/;
const characterSets = ["abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789"];

export type UserInput = {
  id?: string;
  email?: string;
  password?: string;
  email_confirm?: boolean;
  user_metadata?: Record<string, unknown>;
  app_metadata?: Record<string, unknown>;
  ban_duration?: string;
};

/** The address in the form that Auth stores: trimmed and in lower case. */
export function emailOf(value: unknown): string {
  const email = typeof value === "string" ? value.trim().toLowerCase() : "";
  if (!emailPattern.test(email))
    throw authRefusal(400, "validation_failed", "Unable to validate email address: invalid format");
  return email;
}

export function assertPasswordLength(password: string): void {
  if (Buffer.byteLength(password) > 72)
    throw authRefusal(400, "validation_failed", "Password cannot be longer than 72 characters");
}

/** Refuses what `password_requirements = "lower_upper_letters_digits"` refuses, with the reasons. */
export function assertPassword(password: string, minimum: number): void {
  assertPasswordLength(password);
  const reasons: string[] = [];
  const sentences: string[] = [];
  if (password.length < minimum) {
    reasons.push("length");
    sentences.push(`Password should be at least ${minimum} characters.`);
  }
  if (characterSets.some((set) => ![...set].some((character) => password.includes(character)))) {
    reasons.push("characters");
    sentences.push(`Password should contain at least one character of each: ${characterSets.join(", ")}.`);
  }
  if (reasons.length > 0)
    throw authRefusal(422, "weak_password", sentences.join(" "), { weak_password: { reasons } });
}

/** Refuses a ban that is neither `none` nor a duration such as `24h` or `1h30m`. */
export function assertBan(duration: string): void {
  if (duration === "none" || /^(\d+(\.\d+)?[hms])+$/.test(duration)) return;
  const reason = `time: invalid duration "${duration}"`;
  throw authRefusal(400, "validation_failed", `invalid format for ban duration: ${reason}`);
}
