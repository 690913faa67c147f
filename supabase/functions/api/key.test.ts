import { describe, expect, test } from "vitest";
import { createKey, hashKey, hashWellFormedKey, isWellFormedKey } from "./key.ts";

test.each(["ok", "ak"] as const)(
  "a new %s key is the prefix and 32 characters, and well-formed",
  (prefix) => {
    const { key, key_prefix, key_hash } = createKey(prefix);
    expect(key).toMatch(new RegExp(`^${prefix}_[A-Za-z0-9_-]{32}$`));
    expect(isWellFormedKey(key, prefix)).toBe(true);
    expect(key_prefix).toBe(key.slice(0, 8));
    expect(key_hash).toBe(hashKey(key));
    expect(key_hash).toMatch(/^[0-9a-f]{64}$/);
  },
);

test("a thousand keys are a thousand keys", () => {
  expect(new Set(Array.from({ length: 1000 }, () => createKey("ak").key)).size).toBe(1000);
});

describe("what is no key", () => {
  const { key } = createKey("ak");
  const swapped = key.slice(0, 10) + (key[10] === "a" ? "b" : "a") + key.slice(11);
  test.each([
    ["another prefix", `ok${key.slice(2)}`],
    ["one wrong character", swapped],
    ["one character less", key.slice(0, -1)],
    ["one character more", `${key}a`],
    ["upper case", key.toUpperCase()],
    ["a space at the end", `${key} `],
    ["a line end at the end", `${key}\n`],
    ["nothing", ""],
  ])("%s", (_name, text) => {
    expect(isWellFormedKey(text, "ak")).toBe(false);
  });

  test("a key of the other kind", () => {
    expect(isWellFormedKey(key, "ok")).toBe(false);
  });
});

test("a hash is the same the second time, and never given for another kind or a changed key", () => {
  const { key, key_hash } = createKey("ak");
  expect(hashWellFormedKey(key, "ak")).toBe(key_hash);
  expect(hashWellFormedKey(key, "ak")).toBe(key_hash);
  expect(hashWellFormedKey(key, "ok")).toBeNull();
  expect(hashWellFormedKey(`${key.slice(0, -1)}!`, "ak")).toBeNull();
});

test("keys that were pushed out of memory have the same hash again", () => {
  const { key, key_hash } = createKey("ak");
  hashWellFormedKey(key, "ak");
  for (let count = 0; count < 5_100; count++) hashWellFormedKey(createKey("ok").key, "ok");
  expect(hashWellFormedKey(key, "ak")).toBe(key_hash);
});
