import { expect, test } from "vitest";
import { newPasswordSchema } from "./password-schema.ts";
import { spellingsOf } from "./spellings-of.ts";

const decomposed = "Cafe\u0301-horse-9";
const composed = "Café-horse-9";

test("a new password is normalized to NFC and keeps its spaces", () => {
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
])("the new password %j is refused: %s", (password, reason) => {
  const { success, error } = newPasswordSchema.safeParse(password);
  expect(success).toBe(false);
  expect(error?.issues.map(({ message }) => message).join()).toContain(reason);
});

test("the limit of 72 bytes applies to the normalized password", () => {
  expect(newPasswordSchema.safeParse(`Aa1${"e\u0301".repeat(34)}a`).success).toBe(true);
});

test("a login tries a password in NFC first, then as it was typed", () => {
  expect(spellingsOf(composed)).toEqual([composed]);
  expect(spellingsOf(decomposed)).toEqual([composed, decomposed]);
});

test("a login tries only spellings of up to 72 bytes", () => {
  const long = `Aa1${"e\u0301".repeat(30)}`;
  expect(spellingsOf(long)).toEqual([long.normalize("NFC")]);
});

test("a login tries a random password instead of one beyond 72 bytes, so that its first 72 bytes never match", () => {
  const right = "Aa1".repeat(24);
  expect(spellingsOf(right)).toEqual([right]);
  const [tried, ...more] = spellingsOf(`${right}x`);
  expect(more).toEqual([]);
  expect(right).not.toContain(tried);
  expect(spellingsOf(`${right}x`)).not.toEqual([tried]);
});
