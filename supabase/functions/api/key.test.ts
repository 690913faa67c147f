import { describe, expect, test } from "vitest";
import { createKey, hashKey, hashWellFormedKey } from "./key.ts";

test.each(["ok", "ak"] as const)(
  "a new %s key is its prefix and 32 characters, and is well-formed",
  (prefix) => {
    const { key, stored } = createKey(prefix);
    const { key_prefix, key_hash } = stored;
    expect(key).toMatch(new RegExp(`^${prefix}_[A-Za-z0-9_-]{32}$`));
    expect(hashWellFormedKey(key, prefix)).toBe(key_hash);
    expect(key_prefix).toBe(key.slice(0, 8));
    expect(key_hash).toBe(hashKey(key));
    expect(key_hash).toMatch(/^[0-9a-f]{64}$/);
  },
);

test("a thousand new keys all differ", () => {
  expect(new Set(Array.from({ length: 1000 }, () => createKey("ak").key)).size).toBe(1000);
});

describe("malformed keys", () => {
  const { key } = createKey("ak");
  const swapped = key.slice(0, 10) + (key[10] === "a" ? "b" : "a") + key.slice(11);
  test.each([
    ["with another prefix", `ok${key.slice(2)}`],
    ["with one wrong character", swapped],
    ["with one character less", key.slice(0, -1)],
    ["with one character more", `${key}a`],
    ["in upper case", key.toUpperCase()],
    ["with a space at its end", `${key} `],
    ["with a line break at its end", `${key}\n`],
    ["without any character", ""],
  ])("a key %s is not well-formed", (_name, text) => {
    expect(hashWellFormedKey(text, "ak")).toBeNull();
  });

  test("a developer key is not well-formed as an operator key", () => {
    expect(hashWellFormedKey(key, "ok")).toBeNull();
  });
});

test("a key has the same hash every time, and no hash for another prefix or a changed character", () => {
  const { key, stored } = createKey("ak");
  const { key_hash } = stored;
  expect(hashWellFormedKey(key, "ak")).toBe(key_hash);
  expect(hashWellFormedKey(key, "ak")).toBe(key_hash);
  expect(hashWellFormedKey(key, "ok")).toBeNull();
  expect(hashWellFormedKey(`${key.slice(0, -1)}!`, "ak")).toBeNull();
});

test("a key that was removed from the cache has the same hash again", () => {
  const { key, stored } = createKey("ak");
  const { key_hash } = stored;
  hashWellFormedKey(key, "ak");
  for (let count = 0; count < 5_100; count++) hashWellFormedKey(createKey("ok").key, "ok");
  expect(hashWellFormedKey(key, "ak")).toBe(key_hash);
});
