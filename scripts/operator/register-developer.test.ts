import { expect, test } from "vitest";
import { baseOf } from "./register-developer.ts";

test.each([
  ["https://abcdefghijklmnopqrst.supabase.co", "https://abcdefghijklmnopqrst.supabase.co/functions/v1"],
  [
    "https://abcdefghijklmnopqrst.supabase.co/functions/v1",
    "https://abcdefghijklmnopqrst.supabase.co/functions/v1",
  ],
  ["https://api.example.com/functions/v1/", "https://api.example.com/functions/v1"],
  ["http://127.0.0.1:54321", "http://127.0.0.1:54321"],
  ["http://127.0.0.1:54321/functions/v1", "http://127.0.0.1:54321/functions/v1"],
  ["https://api.example.com/api/v1", "https://api.example.com"],
])("the base address of %s is %s", (url, base) => expect(baseOf(url)).toBe(base));

test.each(["", "example.com", "ftp://example.com"])("the base address %j is refused", (url) =>
  expect(() => baseOf(url)).toThrow("is not an address"),
);
