import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import {
  namesOfUserSettings,
  networkSettings,
  ownSettings,
  reachableHosts,
  userSettings,
} from "./function-settings.ts";
import { replicateHosts } from "./replicate-access.ts";
import { repositoryRoot } from "./settings.ts";

test("every setting of .env.example is the user's, or the stack's own", () => {
  const text = readFileSync(join(repositoryRoot, ".env.example"), "utf8");
  const named = [...text.matchAll(/^([A-Z_]+)=/gm)].map(([, name]) => name);
  expect([...namesOfUserSettings, ...ownSettings].sort()).toEqual(named.sort());
});

test("a database or a signing secret of another project in the environment is left there", () => {
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
    "a webhook secret that is no base64",
    { REPLICATE_WEBHOOK_SECRET: "whsec_not base64!" },
    "REPLICATE_WEBHOOK_SECRET",
  ],
  [
    "a webhook secret with a version",
    { REPLICATE_WEBHOOK_SECRET: "v1,whsec_AAAAAAAAAAAAAAAAAAAAAAAA" },
    "without the `v1,`",
  ],
  [
    "a signature for the secret",
    { REPLICATE_WEBHOOK_SECRET: "whsec_v1,AAAAAAAAAAAAAAAAAAAAAAAA" },
    "without the `v1,`",
  ],
  ["a count that is none", { DB_POOL_SIZE: "many" }, "DB_POOL_SIZE"],
  ["an address that is none", { PUBLIC_URL: "example.com" }, "PUBLIC_URL"],
])("%s is refused by name, and its value is not told", (_what, user, words) => {
  expect(() => userSettings(user)).toThrow(words);
  expect(() => userSettings(user)).not.toThrow(Object.values(user)[0]);
});

test("a webhook secret as Replicate gives it is taken", () => {
  const ReplicateWebhookSecret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
  expect(userSettings({ REPLICATE_WEBHOOK_SECRET: ReplicateWebhookSecret })).toEqual({
    REPLICATE_WEBHOOK_SECRET: ReplicateWebhookSecret,
  });
});

test("what the functions may connect to follows from the settings", () => {
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

test("the way out of the network is passed on in both spellings, and never for this machine", () => {
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
