import { expect, test } from "vitest";
import { newPasswordSchema } from "./password-schema.ts";
import { spellingsOf } from "./spellings-of.ts";

const decomposed = "Cafe\u0301-horse-9";
const composed = "Café-horse-9";

test("a new password is stored in NFC, and spaces stay", () => {
  expect(newPasswordSchema.parse(decomposed)).toBe(composed);
  expect(newPasswordSchema.parse(" Correct horse 9 ")).toBe(" Correct horse 9 ");
});

test.each([
  ["Abcde12", "must have at least 8 characters"],
  ["Ab1🐎🐎🐎🐎", "must have at least 8 characters"],
  ["correct-horse-9", "must contain an upper-case letter (A to Z)"],
  ["CORRECT-HORSE-9", "must contain a lower-case letter (a to z)"],
  ["Correct-horse-x", "must contain a digit (0 to 9)"],
  [`Aa1${"a".repeat(70)}`, "is too long"],
  [`Aa1${"é".repeat(35)}`, "is too long"],
  ["Aa1".repeat(400), "may have at most 1024 characters"],
])("%j is refused: %s", (password, reason) => {
  const { success, error } = newPasswordSchema.safeParse(password);
  expect(success).toBe(false);
  expect(error?.issues.map(({ message }) => message).join()).toContain(reason);
});

test("seventy-two bytes count after normalising", () => {
  expect(newPasswordSchema.safeParse(`Aa1${"e\u0301".repeat(34)}a`).success).toBe(true);
});

test("a password is tried in NFC, then as it was typed", () => {
  expect(spellingsOf(composed)).toEqual([composed]);
  expect(spellingsOf(decomposed)).toEqual([composed, decomposed]);
});

test("of two spellings only those that bcrypt reads to the end are tried", () => {
  const long = `Aa1${"e\u0301".repeat(30)}`;
  expect(spellingsOf(long)).toEqual([long.normalize("NFC")]);
});

test("a password beyond 72 bytes is tried as a random one, so that its first 72 bytes match nobody's", () => {
  const right = "Aa1".repeat(24);
  expect(spellingsOf(right)).toEqual([right]);
  const [tried, ...more] = spellingsOf(`${right}x`);
  expect(more).toEqual([]);
  expect(right).not.toContain(tried);
  expect(spellingsOf(`${right}x`)).not.toEqual([tried]);
});
