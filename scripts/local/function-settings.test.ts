import { expect, test } from "vitest";
import { networkSettings, reachableHosts, userSettings } from "./function-settings.ts";
import { replicateHosts } from "./replicate-access.ts";

test("npm start ignores the database and the signing secret of another project in the environment", () => {
  const user = {
    DATABASE_URL: "postgresql://far.example.com/x",
    JWT_SECRET: "x".repeat(40),
    SUPABASE_URL: "https://a.b",
  };
  expect(userSettings({ ...user, LOG_REQUESTS: " failed ", MAIL_FROM: "" })).toEqual({
    LOG_REQUESTS: "failed",
  });
});

test.each([
  [
    "a webhook secret that is not base64",
    { REPLICATE_WEBHOOK_SECRET: "whsec_not base64!" },
    "REPLICATE_WEBHOOK_SECRET",
  ],
  [
    "a webhook secret with a version prefix",
    { REPLICATE_WEBHOOK_SECRET: "v1,whsec_AAAAAAAAAAAAAAAAAAAAAAAA" },
    "without the `v1,`",
  ],
  [
    "a signature instead of a webhook secret",
    { REPLICATE_WEBHOOK_SECRET: "whsec_v1,AAAAAAAAAAAAAAAAAAAAAAAA" },
    "without the `v1,`",
  ],
  ["a pool size that is not a number", { DB_POOL_SIZE: "many" }, "DB_POOL_SIZE"],
  ["a PUBLIC_URL that is not a URL", { PUBLIC_URL: "pictures.test" }, "PUBLIC_URL"],
])("the error about %s names the setting and does not show its value", (_what, user, words) => {
  expect(() => userSettings(user)).toThrow(words);
  expect(() => userSettings(user)).not.toThrow(Object.values(user)[0]);
});

test("a webhook secret in Replicate's format is accepted", () => {
  const ReplicateWebhookSecret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
  expect(userSettings({ REPLICATE_WEBHOOK_SECRET: ReplicateWebhookSecret })).toEqual({
    REPLICATE_WEBHOOK_SECRET: ReplicateWebhookSecret,
  });
});

test("the functions may connect to exactly the hosts of the settings", () => {
  expect(
    replicateHosts({
      REPLICATE_API_URL: "https://proxy.example.com/v1",
      REPLICATE_FILE_HOSTS: "replicate.delivery, files.example.com:8443",
    }),
  ).toEqual(["proxy.example.com", "replicate.delivery", "*.replicate.delivery", "files.example.com:8443"]);
  expect(
    reachableHosts({
      RESEND_API_KEY: "re_x",
      SMTP_HOST: "mail.example.com",
      REDIS_URL: "redis://cache.example.com",
      https_proxy: "http://proxy.example.com:3128",
    }),
  ).toEqual(["cache.example.com:6379", "api.resend.com", "mail.example.com:587", "proxy.example.com:3128"]);
});

test("proxy settings are passed to the functions, and this machine is always in no_proxy", () => {
  const user = {
    https_proxy: "http://a:1",
    HTTP_PROXY: "http://b:2",
    no_proxy: "corp.example.com, 10.0.0.0/8",
  };
  const no_proxy = "corp.example.com,10.0.0.0/8,127.0.0.1,localhost,::1";
  expect(networkSettings(user)).toEqual({
    https_proxy: "http://a:1",
    HTTP_PROXY: "http://b:2",
    NO_PROXY: no_proxy,
    no_proxy,
  });
});
