import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseEmailAddress } from "./email-address.ts";

test.each([
  ["ada@example.com", "ada@example.com"],
  ["  Ada.L+tag@Example.COM\n", "Ada.L+tag@example.com"],
  ["a@BÜCHER.example", "a@xn--bcher-kva.example"],
  ["a@bu\u0308cher.example", "a@xn--bcher-kva.example"],
  ["a@xn--bcher-kva.example", "a@xn--bcher-kva.example"],
  ["a@ｅｘａｍｐｌｅ.com", "a@example.com"],
  ["a@straße.de", "a@xn--strae-oqa.de"],
  ["a@x。com", "a@x.com"],
  ["jose\u0301@example.com", "josé@example.com"],
  ["ΝΙΚΟΣ@example.com", "ΝΙΚΟΣ@example.com"],
  ["用户@例子.广告", "用户@xn--fsqu00a.xn--4rr70v"],
  ["!#$%&'*+/=?^_`{|}~-@a-b.co", "!#$%&'*+/=?^_`{|}~-@a-b.co"],
])("the email address %j is read as %j", (text, read) => expect(parseEmailAddress(text)).toBe(read));

describe("invalid addresses", () => {
  test.each([
    ["", "an empty text"],
    ["ada", "no at sign"],
    ["a@b@example.com", "two at signs"],
    ["a@localhost", "no dot in the domain"],
    ["a@b", "no dot in the domain"],
    ["a@example.com.", "a dot after the domain"],
    ["a@.example.com", "an empty label"],
    [".a@example.com", "a dot before the local part"],
    ["a.@example.com", "a dot after the local part"],
    ["a..b@example.com", "two dots"],
    ["a<victim@example.com>", "a display name"],
    ['"a b"@example.com', "a quoted local part"],
    ["a(comment)@example.com", "a comment"],
    ["a,b@example.com", "a list"],
    ["a@example.com\r\nBcc: b@example.com", "a line break"],
    ["a\u0000@example.com", "a control character"],
    ["a\u202e@example.com", "a bidi character"],
    ["a\u200b@example.com", "a zero-width character"],
    ["a\u3164@example.com", "an invisible letter"],
    ["\u0301a@example.com", "a combining mark at the beginning"],
    ["a@exa\u00admple.com", "a soft hyphen"],
    ["a@[127.0.0.1]", "an address literal"],
    ["a@127.0.0.1", "an IP address"],
    ["a@0x7f.1", "an IP address in hexadecimal"],
    ["a@ex_ample.com", "an underscore"],
    ["a@-example.com", "a label that begins with a hyphen"],
    ["a@example.com:25", "a port"],
    ["a@example.com/x", "a path"],
    ["a@example.c", "a top-level domain of one letter"],
    ["a@exam%70le.com", "a percent escape"],
    [`${"a".repeat(65)}@example.com`, "65 bytes before the at sign"],
    [`${"é".repeat(33)}@example.com`, "66 bytes before the at sign"],
    [`a@${"a".repeat(64)}.com`, "a label of 64 bytes"],
    [`a@${"abcdefgh.".repeat(28)}com`, "more than 254 bytes"],
    [`a@${"ü".repeat(50)}.${"ü".repeat(50)}.${"ü".repeat(50)}.com`, "a domain that is too long in DNS"],
  ])("%j is not accepted as an email address: %s", (text) => expect(parseEmailAddress(text)).toBeNull());
});

test("an email address that was read stays the same when it is read again", () => {
  const local = fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 });
  const domain = fc.constantFrom("example.com", "BÜCHER.example", "ΝΙΚΟΣ.gr", "xn--bcher-kva.example");
  let read = 0;
  fc.assert(
    fc.property(local, domain, (name, host) => {
      const address = parseEmailAddress(`${name}@${host}`);
      if (address === null) return;
      read++;
      expect(parseEmailAddress(address)).toBe(address);
    }),
    { numRuns: 2_000 },
  );
  expect(read).toBeGreaterThan(100);
});

test("an email address that is too long is refused before it is normalized", () => {
  const marks = `a${"\u0301".repeat(200_000)}@example.com`;
  const normalize = String.prototype.normalize;
  let normalized = 0;
  String.prototype.normalize = function (this: string, form?: string) {
    normalized += this.length;
    return normalize.call(this, form);
  };
  try {
    expect(parseEmailAddress(marks)).toBeNull();
  } finally {
    String.prototype.normalize = normalize;
  }
  expect(normalized).toBe(0);
});
