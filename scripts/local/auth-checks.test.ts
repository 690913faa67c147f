import { Hono } from "hono";
import type postgres from "postgres";
import { expect, test } from "vitest";
import { authBucket } from "./auth-bucket.ts";
import { limited, mailed } from "./auth-checks.ts";
import type { StackConfig } from "./config.ts";
import type { PlatformEnv } from "./to-lite.ts";

test("local Auth allows each address thirty calls at once, and then the configured number per five minutes", () => {
  const take = authBucket(300);
  const taken = (address: string, now: number) =>
    Array.from({ length: 40 }, () => take(address, now)).filter(Boolean).length;
  expect(taken("one", 0)).toBe(30);
  expect(taken("two", 0)).toBe(30);
  expect(taken("one", 5_000)).toBe(5);
  expect(taken("one", 1_000_000)).toBe(30);
});

test("local Auth forgets the oldest of 10,000 addresses", () => {
  const take = authBucket(1);
  for (let at = 0; at < 30; at++) expect(take("first", 0)).toBe(true);
  expect(take("first", 0)).toBe(false);
  for (let at = 0; at < 10_000; at++) take(`other-${at}`, 0);
  expect(take("first", 0)).toBe(true);
});

const config = (sections: Record<string, object>): StackConfig => ({
  section: (name) => (sections[name] ?? {}) as Record<string, unknown>,
});
const keys = { secret: "sb_secret_x", service_role: "jwt" };
const env = { incoming: { socket: { remoteAddress: "127.0.0.1" } } };

/** An app that answers "passed" to each call that the checks let through. */
function appWith(path: string, ...checks: ReturnType<typeof limited>[]) {
  const app = new Hono<PlatformEnv>();
  app.use(async (c, next) => {
    c.set("sql", (() => Promise.resolve([])) as unknown as postgres.Sql);
    c.set("body", await c.req.text());
    return next();
  });
  for (const check of checks) app.post(path, check);
  app.post(path, (c) => c.text("passed"));
  return (headers: Record<string, string>, body = "") =>
    app.request(path, { method: "POST", headers, body }, env as never);
}

test.each([
  ["without the secret key", { apikey: "sb_publishable_x" }, 30],
  ["with the secret key", { apikey: keys.secret }, 40],
])(
  "of forty calls with forty forwarded addresses, a caller %s may make as many as expected",
  async (_who, headers, expected) => {
    const call = appWith("/token", limited(150, keys));
    let passed = 0;
    for (let at = 0; at < 40; at++) {
      const answer = await call({ ...headers, "sb-forwarded-for": `203.0.113.${at}` });
      if (answer.status === 200) passed++;
      else expect(await answer.json()).toMatchObject({ code: 429, error_code: "over_request_rate_limit" });
    }
    expect(passed).toBe(expected);
  },
);

test("local Auth allows sign-up by a code exactly when config.toml enables it", async () => {
  const call = (sections: Record<string, object>) =>
    appWith("/otp", mailed(config(sections)))({}, JSON.stringify({ email: "a@example.com" }));
  expect((await call({ auth: { enable_signup: true } })).status).toBe(200);
  expect((await call({})).status).toBe(422);
});
