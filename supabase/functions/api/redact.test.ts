import { expect, test } from "vitest";
import { redact } from "./redact.ts";

test.each([
  ["the key ak_Qx3vTabcdefghijklmnopqrstuvwxyz01 is wrong", "the key ak_… is wrong"],
  ["ok_0123456789", "ok_…"],
  ["Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln", "Bearer …"],
  ["token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln expired", "token eyJ… expired"],
  ["sb_secret_N7UND0UgjKTVK-Uodkm0Hg", "sb_secret_…"],
  ["r8_abcdefghijkl and re_12345678 and whsec_bG9jYWw=", "r8_… and re_… and whsec_…"],
  ["postgresql://postgres:postgres@db.internal:5432/x", "postgresql://db.internal:5432/x"],
  ["A user with ada.lovelace+1@example.co.uk exists", "A user with <address> exists"],
  ["duplicate key (email)=(ada@example.com)", "duplicate key (email)=(<address>)"],
  ["GET /verify?token=abc123&type=x failed", "GET /verify?token=…&type=x failed"],
  ["private.me: no answer in 8000 ms", "private.me: no answer in 8000 ms"],
])("the text %j is redacted to %j", (text, expected) => {
  expect(redact(text)).toBe(expected);
});

test("a very long text is cut between two words, within a second of computing", () => {
  const start = process.cpuUsage();
  const text = redact(`${"x".repeat(1_990)} ada@example.com ${"y".repeat(1_000_000)}`);
  expect(process.cpuUsage(start).user).toBeLessThan(1_000_000);
  expect(text).toBe(`${"x".repeat(1_990)} …`);
});
