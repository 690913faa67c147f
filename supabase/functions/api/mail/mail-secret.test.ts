import { expect, test } from "vitest";
import {
  codeDigest,
  codeOfNumber,
  createMailSecret,
  digestOf,
  readPasted,
  spelledCode,
} from "./mail-secret.ts";

test("each mail secret has a new token of 256 bits and a new code of eight digits", () => {
  const made = Array.from({ length: 200 }, createMailSecret);
  for (const { token, code } of made) {
    expect(token).toMatch(/^[0-9a-f]{64}$/);
    expect(code).toMatch(/^\d{8}$/);
  }
  expect(new Set(made.map(({ token }) => token)).size).toBe(200);
  expect(new Set(made.map(({ code }) => code)).size).toBeGreaterThan(195);
});

const token = "4c1f9a7e5d3b8f0264c1a7e94c1f9a7e5d3b8f0264c1a7e94c1f9a7e5d3b8f02";
const half = token.length / 2;

test.each([
  ["without changes", token],
  ["with spaces around it", `  ${token}\t`],
  ["with a line break inside", `${token.slice(0, half)}\r\n${token.slice(half)}`],
  ["with a soft hyphen and a zero-width space", `${token.slice(0, half)}\u00ad\u200b${token.slice(half)}`],
  ["in capitals", token.toUpperCase()],
  ["in full-width characters", token.replace(/./g, (c) => String.fromCharCode(c.charCodeAt(0) + 0xfee0))],
  ["in quotes, with a full stop", `“${token}”.`],
  [
    "in a link to a page of the API",
    `https://api.example.com/api/v1/auth/verify-email#token=${token}&project=1`,
  ],
  ["in a link to an app", `https://app.example.com/verify?lang=de&token=${token}&user_id=1`],
])("a pasted token %s is read", (_name, pasted) => {
  expect(readPasted(pasted)).toEqual({ token });
});

test.each([
  ["without changes", "04829135"],
  ["as the mail shows it", spelledCode("04829135")],
  ["with a newline", "0482\n9135\n"],
  ["with dashes of all kinds", "04-82–91—35"],
  ["with full-width digits", "０４８２９１３５"],
  ["sent as a number without its leading zero", codeOfNumber(4829135)],
])("a pasted code %s is read", (_name, pasted) => {
  expect(readPasted(pasted)).toEqual({ code: "04829135" });
});

test.each([[""], ["123456"], ["123456789"], ["' or true --"], ["🙂"]])(
  "%j is not read as a code",
  (pasted) => {
    expect(readPasted(pasted)).not.toHaveProperty("code");
  },
);

test("the stored digest of a code depends on the account and on the key", () => {
  const kept = [
    codeDigest("key", "one", "04829135"),
    codeDigest("key", "two", "04829135"),
    codeDigest("other", "one", "04829135"),
    digestOf("04829135"),
  ];
  expect(new Set(kept).size).toBe(4);
  for (const digest of kept) expect(digest).toMatch(/^[0-9a-f]{64}$/);
});
