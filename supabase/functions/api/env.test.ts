import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parseEnv } from "./env.ts";

const complete = {
  SUPABASE_URL: "http://127.0.0.1:54321/",
  SUPABASE_DB_URL: "postgresql://postgres:secret-in-url@127.0.0.1:54322/postgres",
  SUPABASE_SECRET_KEYS: '{"default":"sb_secret_one"}',
};

test("three variables of Supabase are enough, and all other settings have defaults", () => {
  expect(parseEnv(complete)).toMatchObject({
    supabase_url: "http://127.0.0.1:54321",
    public_url: "http://127.0.0.1:54321/functions/v1",
    database_url: complete.SUPABASE_DB_URL,
    secret_key: "sb_secret_one",
    database_pool_size: 3,
    trusted_proxy_hops: 1,
    replicate_api_url: "https://api.replicate.com/v1",
    replicate_file_hosts: ["replicate.delivery", "api.replicate.com"],
  });
});

test(".env.example names exactly the settings that env.ts reads, and changes no default", () => {
  const read = new Set<string>();
  const get = (vars: Record<string, string>, name: string) => {
    if (!name.startsWith("SUPABASE_")) read.add(name);
    return Reflect.get(vars, name);
  };
  parseEnv(new Proxy<Record<string, string>>(complete, { get }));
  const example = readFileSync(new URL("../../../.env.example", import.meta.url), "utf8");
  const named = new Set(Array.from(example.matchAll(/^(\w+)=/gm), ([, name]) => name));
  expect(named).toEqual(read);
  const values = Object.fromEntries(
    Array.from(example.matchAll(/^(\w+)=(.+)$/gm), ([, name, value]) => [name, value]),
  );
  expect(parseEnv({ ...complete, ...values })).toEqual(parseEnv(complete));
});

describe("wrong variables", () => {
  test.each([
    ["SUPABASE_URL", { SUPABASE_URL: undefined }],
    ["SUPABASE_URL", { SUPABASE_URL: "not an address" }],
    ["DATABASE_URL or SUPABASE_DB_URL", { SUPABASE_DB_URL: undefined }],
    ...[
      "https://secret-project.supabase.co",
      "host=127.0.0.1 password=secret-word",
      "postgresql://postgres:secret-#word@127.0.0.1:5432/postgres",
      "postgresql://postgres:secret-/word@127.0.0.1:5432/postgres",
      "postgresql://postgres:secret-?word@127.0.0.1:5432/postgres",
      "postgresql://postgres:secret-%word@127.0.0.1:5432/postgres",
      "postgresql://postgres:1234#secret-@127.0.0.1:5432/postgres",
      "postgresql://postgres:1234/secret-@127.0.0.1:5432/postgres",
      "postgresql://postgres:1234?secret-@127.0.0.1:5432/postgres",
      "postgresql://postgres:[YOUR-PASSWORD]@db.secret-.supabase.co:5432/postgres",
    ].map((DATABASE_URL): [string, object] => ["DATABASE_URL or SUPABASE_DB_URL", { DATABASE_URL }]),
    ["SUPABASE_SECRET_KEYS", { SUPABASE_SECRET_KEYS: undefined }],
    ["SUPABASE_JWKS", { SUPABASE_JWKS: "secret-no-json" }],
    ["PUBLIC_URL", { PUBLIC_URL: "ftp://example.com" }],
    ["PUBLIC_URL", { PUBLIC_URL: "http://kong:8000/functions/v1" }],
    ["REPLICATE_FILE_HOSTS", { REPLICATE_FILE_HOSTS: "https://replicate.delivery" }],
    ["JWT_SECRET", { JWT_SECRET: "secret-too-short" }],
    ["DB_POOL_SIZE", { DB_POOL_SIZE: "many" }],
    ["DB_POOL_SIZE", { DB_POOL_SIZE: "0" }],
    ["DB_PREPARE", { DB_PREPARE: "yes" }],
    ["TRUSTED_PROXY_HOPS", { TRUSTED_PROXY_HOPS: "-1" }],
    ["REPLICATE_WEBHOOK_SECRET", { REPLICATE_WEBHOOK_SECRET: "secret-plain" }],
    ["REDIS_URL", { REDIS_URL: "http://secret-host:6379" }],
    ["CRON_SECRET", { CRON_SECRET: "secret-short" }],
  ])("the error about a wrong %s names the variable and shows no value: %j", (name, change) => {
    const read = () => parseEnv({ ...complete, ...change });
    expect(read).toThrow(name);
    expect(read).not.toThrow(/secret-|sb_secret_one/);
  });

  test.each([
    [{ SMTP_PORT: "abc" }, "SMTP_PORT: must be a number"],
    [{ DB_POOL_SIZE: "0" }, "must be at least 1"],
    [{ ANONYMOUS_GENERATION: "no" }, "must be one of these: on, off"],
    [{ CRON_SECRET: "short" }, "must have at least 16 characters"],
    [{ PUBLIC_URL: "example.com" }, "must be an address such as https://app.example.com"],
    [{ DATABASE_CA_CERT: "x" }, "must be a certificate as PEM, which has the line BEGIN CERTIFICATE"],
    [{ SUPABASE_URL: undefined }, "is missing"],
  ])("the error about %j says in plain words what the value must be", (change, words) => {
    expect(() => parseEnv({ ...complete, ...change })).toThrow(words);
  });

  test("the error about SUPABASE_SECRET_KEYS that is not JSON names the variable and shows no value", () => {
    const read = () => parseEnv({ ...complete, SUPABASE_SECRET_KEYS: "sb_secret_one" });
    expect(read).toThrow("SUPABASE_SECRET_KEYS");
    expect(read).not.toThrow("sb_secret_one");
  });
});

test.each([
  [
    "DATABASE_URL takes precedence over SUPABASE_DB_URL",
    { DATABASE_URL: "postgresql://pooler:6543/postgres" },
    "database_url",
    "postgresql://pooler:6543/postgres",
  ],
  ...[
    "postgresql://postgres.ref:a%23%2F%3F%25b@pooler.supabase.com:6543/postgres?sslmode=require&pgbouncer=true",
    "postgres://postgres:a@b:c!$&'()*+,;=~[x]@[::1]:5432/postgres",
    "postgresql:///postgres?host=/run/postgresql",
  ].map((DATABASE_URL): [string, Record<string, string>, string, string] => [
    `the address of Postgres ${DATABASE_URL} is usable`,
    { DATABASE_URL },
    "database_url",
    DATABASE_URL,
  ]),
  [
    "the legacy service key is used when there are no secret keys",
    { SUPABASE_SECRET_KEYS: undefined, SUPABASE_SERVICE_ROLE_KEY: "legacy" },
    "secret_key",
    "legacy",
  ],
  [
    "the legacy service key is used when the list of secret keys is empty",
    { SUPABASE_SECRET_KEYS: "{}", SUPABASE_SERVICE_ROLE_KEY: "legacy" },
    "secret_key",
    "legacy",
  ],
  ...[
    ["http://kong:8000", "http://127.0.0.1:54321/functions/v1"],
    ["http://supabase_kong_cloud-api:8000", "http://127.0.0.1:54321/functions/v1"],
    ["http://host.docker.internal:54321", "http://127.0.0.1:54321/functions/v1"],
    ["http://172.18.0.5:8000", "http://127.0.0.1:54321/functions/v1"],
    ["http://0.0.0.0:54321", "http://127.0.0.1:54321/functions/v1"],
    ["http://localhost:54321", "http://localhost:54321/functions/v1"],
    ["http://[::1]:54321", "http://[::1]:54321/functions/v1"],
    ["https://project.supabase.co", "https://project.supabase.co/functions/v1"],
  ].map(([injected, base]): [string, Record<string, string>, string, string | undefined] => [
    `the public URL for SUPABASE_URL ${injected} is ${base}, never an address of a container`,
    { SUPABASE_URL: injected ?? "" },
    "public_url",
    base,
  ]),
  [
    "the public URL has the gateway's port from SUPABASE_INTERNAL_HOST_PORT",
    { SUPABASE_URL: "http://kong:8000", SUPABASE_INTERNAL_HOST_PORT: "55321" },
    "public_url",
    "http://127.0.0.1:55321/functions/v1",
  ],
  ["an empty variable counts as missing", { REPLICATE_API_TOKEN: "" }, "replicate_api_token", undefined],
  [
    "trailing slashes of PUBLIC_URL are removed",
    { PUBLIC_URL: "https://api.example.com//" },
    "public_url",
    "https://api.example.com",
  ],
])("%s", (_name, change, field, value) => {
  expect(parseEnv({ ...complete, ...change })[field as "secret_key"]).toBe(value);
});
