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
])("%j is read as %j", (text, read) => expect(parseEmailAddress(text)).toBe(read));

describe("no address", () => {
  test.each([
    ["", "nothing"],
    ["ada", "no at sign"],
    ["a@b@example.com", "two at signs"],
    ["a@localhost", "no dot in the domain"],
    ["a@b", "no dot in the domain"],
    ["a@example.com.", "a trailing dot"],
    ["a@.example.com", "an empty label"],
    [".a@example.com", "a dot in front"],
    ["a.@example.com", "a dot at the end"],
    ["a..b@example.com", "two dots"],
    ["a<victim@example.com>", "a display name"],
    ['"a b"@example.com', "a quoted local part"],
    ["a(comment)@example.com", "a comment"],
    ["a,b@example.com", "a list"],
    ["a@example.com\r\nBcc: b@example.com", "a line break"],
    ["a\u0000@example.com", "a control character"],
    ["a\u202e@example.com", "a bidi character"],
    ["a\u200b@example.com", "a character of no width"],
    ["a\u3164@example.com", "an invisible letter"],
    ["\u0301a@example.com", "a mark before every letter"],
    ["a@exa\u00admple.com", "a soft hyphen"],
    ["a@[127.0.0.1]", "an address literal"],
    ["a@127.0.0.1", "an IP address"],
    ["a@0x7f.1", "an IP address that is written strangely"],
    ["a@ex_ample.com", "an underscore"],
    ["a@-example.com", "a hyphen in front"],
    ["a@example.com:25", "a port"],
    ["a@example.com/x", "a path"],
    ["a@example.c", "a top-level domain of one letter"],
    ["a@exam%70le.com", "an escape"],
    [`${"a".repeat(65)}@example.com`, "65 bytes before the at sign"],
    [`${"é".repeat(33)}@example.com`, "66 bytes before the at sign"],
    [`a@${"a".repeat(64)}.com`, "a label of 64 bytes"],
    [`a@${"abcdefgh.".repeat(28)}com`, "more than 254 bytes"],
    [`a@${"ü".repeat(50)}.${"ü".repeat(50)}.${"ü".repeat(50)}.com`, "a domain that is too long in DNS"],
  ])("%j: %s", (text) => expect(parseEmailAddress(text)).toBeNull());
});

test("what was read is read the same again", () => {
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

test("the length is looked at before anything is computed from the text", () => {
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
