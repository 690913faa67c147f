import { expect, test } from "vitest";
import { type Env, parseEnv } from "../../../env.ts";
import { describeReconciler, settingsOf } from "./describe-service.ts";

const now = Date.parse("2026-01-01T12:00:00Z");
const run = (ranAt: string, failingSince: string | null = null) => ({
  ran_at: ranAt,
  checked: 1,
  failed: failingSince === null ? 0 : 1,
  failing_since: failingSince,
});

test.each([
  ["never_ran", {}],
  ["healthy", { mail: run("2026-01-01T11:59:00Z"), cleanup: run("2026-01-01T11:00:00Z") }],
  ["failing", { mail: run("2026-01-01T11:59:00Z", "2026-01-01T11:00:00Z") }],
  ["late", { mail: run("2026-01-01T11:56:00Z", "2026-01-01T11:00:00Z") }],
])("the reconciler is reported as %s", (status, jobs) => {
  expect(describeReconciler(jobs, now).status).toBe(status);
});

test("the health report contains every setting, and of secrets only whether they are set", () => {
  const secret = "s".repeat(40);
  const env = parseEnv({
    SUPABASE_URL: "http://127.0.0.1:54321",
    DATABASE_URL: `postgresql://user:${secret}@host/db`,
    SUPABASE_SECRET_KEYS: JSON.stringify({ default: secret }),
    SUPABASE_JWKS: JSON.stringify({ keys: [secret] }),
    JWT_SECRET: secret,
    REPLICATE_API_TOKEN: secret,
    REPLICATE_WEBHOOK_SECRET: `whsec_${secret}`,
    RESEND_API_KEY: secret,
    SMTP_USER: secret,
    SMTP_PASSWORD: secret,
    CRON_SECRET: secret,
    REDIS_URL: `redis://:${secret}@host`,
  });
  const told = settingsOf(env);
  expect(JSON.stringify(told)).not.toContain(secret);
  expect(told).toMatchObject({ replicate_api_token_set: true, database_url_set: true, smtp_port: 587 });
  const names = Object.keys(env).filter((name) => env[name as keyof typeof env] !== undefined);
  expect(Object.keys(told).map((name) => name.replace(/_set$/, ""))).toEqual(expect.arrayContaining(names));
});

test("the health report shows of an undeclared setting only whether it is set", () => {
  const told = settingsOf({ new_setting: "value" } as unknown as Env);
  expect(told).toEqual({ new_setting_set: true });
});
