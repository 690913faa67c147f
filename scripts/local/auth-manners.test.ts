import type { IncomingMessage } from "node:http";
import type postgres from "postgres";
import { expect, test } from "vitest";
import { AuthBuckets } from "./auth-buckets.ts";
import { AuthManners } from "./auth-manners.ts";
import type { StackConfig } from "./config.ts";

test("a bucket holds thirty of each address and drains as the configuration says", () => {
  const buckets = new AuthBuckets(300);
  const taken = (address: string, now: number) =>
    Array.from({ length: 40 }, () => buckets.take(address, now)).filter(Boolean).length;
  expect(taken("one", 0)).toBe(30);
  expect(taken("two", 0)).toBe(30);
  expect(taken("one", 5_000)).toBe(5);
  expect(taken("one", 1_000_000)).toBe(30);
});

test("an address that comes once does not stay for ever", () => {
  const buckets = new AuthBuckets(1);
  for (let at = 0; at < 30; at++) expect(buckets.take("first", 0)).toBe(true);
  expect(buckets.take("first", 0)).toBe(false);
  for (let at = 0; at < 10_000; at++) buckets.take(`other-${at}`, 0);
  expect(buckets.take("first", 0)).toBe(true);
});

const config = (sections: Record<string, object>): StackConfig => ({
  section: (name) => (sections[name] ?? {}) as Record<string, unknown>,
});
const keys = { secret: "sb_secret_x", service_role: "jwt" };
const request = (url: string, headers: Record<string, string>, method = "POST") =>
  ({ method, url, headers, socket: { remoteAddress: "127.0.0.1" } }) as unknown as IncomingMessage;
const noSql = (() => Promise.resolve([])) as unknown as postgres.Sql;

test.each([
  ["a visitor", { apikey: "sb_publishable_x" }, 30],
  ["whoever has the secret key", { apikey: keys.secret }, 40],
])("%s who names an address for each call makes so many", async (_who, headers, expected) => {
  const manners = new AuthManners({ config: config({}), keys });
  let passed = 0;
  for (let at = 0; at < 40; at++) {
    const named = { ...headers, "sb-forwarded-for": `203.0.113.${at}` };
    await manners.check(noSql, request("/auth/v1/token?grant_type=password", named), undefined).then(
      () => passed++,
      (refusal) => expect(refusal).toMatchObject({ status: 429, error_code: "over_request_rate_limit" }),
    );
  }
  expect(passed).toBe(expected);
});

test("what config.toml turns on is on: sign-up by a code", async () => {
  const manners = new AuthManners({ config: config({ auth: { enable_signup: true } }), keys });
  const otp = request("/auth/v1/otp", {});
  await expect(manners.check(noSql, otp, { email: "a@example.com" })).resolves.toBeUndefined();
});
