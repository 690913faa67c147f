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

/** The address as Auth stores it: trimmed, in lower case. */
export function emailOf(value: unknown): string {
  const email = typeof value === "string" ? value.trim().toLowerCase() : "";
  if (!emailPattern.test(email)) {
    throw authRefusal(400, "validation_failed", "Unable to validate email address: invalid format");
  }
  return email;
}

export function assertPasswordLength(password: string): void {
  if (Buffer.byteLength(password) > 72) {
    throw authRefusal(400, "validation_failed", "Password cannot be longer than 72 characters");
  }
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

const secondsOf: Record<string, number> = { h: 3600, m: 60, s: 1 };

/** `24h`, `1h30m` or `none`, as Supabase Auth reads a ban. */
export function banOf(duration: string | undefined): { change: "set" | "clear" | "keep"; seconds: number } {
  if (duration === undefined || duration === "") return { change: "keep", seconds: 0 };
  if (duration === "none") return { change: "clear", seconds: 0 };
  if (!/^(\d+(\.\d+)?[hms])+$/.test(duration)) {
    throw authRefusal(
      400,
      "validation_failed",
      `invalid format for ban duration: time: invalid duration "${duration}"`,
    );
  }
  const parts = [...duration.matchAll(/([\d.]+)([hms])/g)];
  return {
    change: "set",
    seconds: parts.reduce((sum, [, amount, unit = "s"]) => sum + Number(amount) * (secondsOf[unit] ?? 1), 0),
  };
}
