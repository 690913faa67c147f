import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { namesOfUserSettings } from "../../scripts/local/function-settings.ts";
import { findFreeBase } from "../../scripts/local/ports.ts";
import { repositoryRoot } from "../../scripts/local/settings.ts";
import { type Ready, StackCli } from "../support/stack-cli.ts";
import { waitUntilHealthy } from "../support/wait-until-healthy.ts";

// Runs `npm start` with everything at once that has ever broken it: stray files, variables, proxies and paths.
const home = mkdtempSync(join(tmpdir(), "cloud-api-home-"));
const checkout = join(home, 'Ada\'s "clone" of it');

const strays: [string, string][] = [
  [".env", 'NOT A SETTING\nexport OPEN="never closed\n=x\n\u0000\u0001\n'],
  [".env.local", "\ufeffSUPABASE_URL=https://elsewhere.example.com\r\nDATABASE_URL\r\n"],
  [".env.development", "${BROKEN"],
  ["supabase/.env", "key with spaces = 1\n'"],
  ["supabase/.env.local", "{}"],
  ["supabase/.env.development", "@"],
  ["supabase/functions/.env", 'SUPABASE_DB_URL=postgresql://far.example.com/x\nDB_POOL_SIZE=none\n"\n'],
];

/** Each setting with the value that the running function reports. For a secret it reports only that it is set. */
const settings: Record<string, [value: string, says: unknown]> = {
  REPLICATE_API_TOKEN: ["r8_of_nobody", true],
  REPLICATE_WEBHOOK_SECRET: ["whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", true],
  REPLICATE_API_URL: ["http://provider.example.com/v1", "http://provider.example.com/v1"],
  REPLICATE_FILE_HOSTS: [
    "files.example.com,other.example.com:8443",
    "files.example.com,other.example.com:8443",
  ],
  REPLICATE_IMAGE_MODEL: ["someone/pictures", "someone/pictures"],
  REPLICATE_TEXT_MODEL: ["someone/words", "someone/words"],
  PUBLIC_URL: ["https://tunnel.example.com", "https://tunnel.example.com"],
  DB_POOL_SIZE: ["2", 2],
  DB_PREPARE: ["false", "false"],
  CRON_SECRET: ["a-secret-of-sixteen", true],
  LOG_REQUESTS: ["failed", "failed"],
  TRUSTED_PROXY_HOPS: ["2", 2],
  MAIL_FROM: ["hello@example.com", "hello@example.com"],
  RESEND_API_KEY: ["re_of_nobody", true],
  RESEND_API_URL: ["http://mail.example.com", "http://mail.example.com"],
  SMTP_HOST: ["smtp.example.com", "smtp.example.com"],
  SMTP_PORT: ["2525", 2525],
  SMTP_USER: ["ada", true],
  SMTP_PASSWORD: ["of ada", true],
  ANONYMOUS_GENERATION: ["off", "off"],
  ANONYMOUS_DAILY_LIMIT: ["7", 7],
  ANONYMOUS_DAILY_BUDGET: ["70", 70],
  ANONYMOUS_RESULT_HOURS: ["5", 5],
  WEBHOOK_PRIVATE_HOSTS: ["refused", "refused"],
  PAGES_URL: ["https://pages.example.org", "https://pages.example.org"],
  DOCS_URL: ["https://docs.example.org", "https://docs.example.org"],
  PROJECT_PURGE_DAYS: ["3", 3],
  AUDIT_RETENTION_DAYS: ["41", 41],
  USAGE_RETENTION_DAYS: ["42", 42],
  EVENT_RETENTION_DAYS: ["43", 43],
  REDIS_TIMEOUT_MS: ["44", 44],
};
/** tests/faults/rate-limits-redis.test.ts runs with a real Redis. */
const testedElsewhere = ["REDIS_URL"];

const fieldNames: Record<string, string> = {
  REPLICATE_IMAGE_MODEL: "image_model",
  REPLICATE_TEXT_MODEL: "text_model",
  DB_POOL_SIZE: "database_pool_size",
  DB_PREPARE: "database_prepare",
};
function reportedValue(described: Record<string, unknown>, name: string): unknown {
  const field = fieldNames[name] ?? name.toLowerCase();
  return described[field] ?? described[`${field}_set`];
}

/** A proxy that answers in place of each host and records the URLs. */
let proxy: Server;
const proxied: string[] = [];
let stack: StackCli;
let ready: Ready;

beforeAll(async () => {
  chmodSync(home, 0o755);
  mkdirSync(checkout);
  const leftOut = ["node_modules", ".git", ".local", "dist", "coverage"];
  for (const name of readdirSync(repositoryRoot).filter((each) => !leftOut.includes(each)))
    cpSync(join(repositoryRoot, name), join(checkout, name), { recursive: true });
  symlinkSync(join(repositoryRoot, "node_modules"), join(checkout, "node_modules"));
  for (const [name, text] of strays) writeFileSync(join(checkout, name), text);
  proxy = createServer((request, response) => {
    proxied.push(request.url ?? "");
    response.setHeader("content-type", "application/json").end("{}");
  });
  proxy.on("connect", (request, socket) => {
    proxied.push(request.url ?? "");
    socket.end("HTTP/1.1 502 Bad Gateway\r\n\r\n");
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  const proxyUrl = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  const env = {
    PATH: process.env.PATH,
    HOME: home,
    NODE_USE_ENV_PROXY: "1",
    HTTP_PROXY: proxyUrl,
    HTTPS_PROXY: proxyUrl,
    ALL_PROXY: proxyUrl,
    http_proxy: proxyUrl,
    https_proxy: proxyUrl,
    all_proxy: proxyUrl,
    SUPABASE_WORKDIR: "/nowhere",
    SUPABASE_DB_PASSWORD: "of another project",
    SUPABASE_PROJECT_ID: "abcdefghijklmnopqrst",
    SUPABASE_URL: "https://elsewhere.example.com",
    SUPABASE_AUTH_SITE_URL: "{",
    DATABASE_URL: "postgresql://far.example.com/x",
    JWT_SECRET: "of another project, with more than 32 characters",
    PGHOST: "far.example.com",
    PGPORT: "1",
    PGSSLMODE: "verify-full",
    DENO_DIR: "/nowhere",
    ...Object.fromEntries(Object.entries(settings).map(([name, [value]]) => [name, value])),
  };
  const port = String(await findFreeBase());
  stack = new StackCli(["--port", port, "--json", "--quiet"], env, checkout, "077");
  ready = await stack.ready();
}, 240_000);

afterAll(async () => {
  stack?.child.kill("SIGTERM");
  await stack?.exited;
  proxy?.close();
  rmSync(home, { recursive: true, force: true });
}, 60_000);

const operator = () => ({ "X-Operator-Key": ready.credentials.operator_key });

describe("with stray settings, proxies, a strict umask and quotes in its path", () => {
  test("npm start ignores stray settings and uses its own database and keys, without a warning", async () => {
    expect(ready.database_url).toContain("127.0.0.1");
    expect((await waitUntilHealthy(`${ready.urls.api}/health`)).body.database).toMatchObject({
      status: "healthy",
    });
    expect(stack.errors).toEqual([]);
  });

  test("npm start uses a proxy for the provider and the mail service, but never for this machine", async () => {
    const { body } = await waitUntilHealthy(`${ready.urls.api}/health/detailed`, operator());
    expect(body).toMatchObject({ image_provider: { status: "healthy" }, mail: { status: "healthy" } });
    expect(proxied.some((url) => url.startsWith("http://mail.example.com"))).toBe(true);
    expect(proxied.some((url) => url.startsWith("http://provider.example.com/v1"))).toBe(true);
    expect(proxied.filter((url) => /127\.0\.0\.1|localhost/.test(url))).toEqual([]);
  });

  test("npm start takes every setting of .env.example from its environment", async () => {
    const response = await fetch(`${ready.urls.api}/health/detailed`, { headers: operator() });
    const { service } = (await response.json()) as { service: { settings: Record<string, unknown> } };
    const found = Object.fromEntries(
      Object.keys(settings).map((name) => [name, reportedValue(service.settings, name)]),
    );
    expect(found).toEqual(
      Object.fromEntries(Object.entries(settings).map(([name, [, says]]) => [name, says])),
    );
    expect([...Object.keys(settings), ...testedElsewhere].sort()).toEqual([...namesOfUserSettings].sort());
  });

  test("npm start serves the documentation even with stray settings", async () => {
    const page = await fetch(`${ready.urls.gateway}/docs/`, { headers: { accept: "text/html" } });
    expect(page.status).toBe(200);
    expect(await page.text()).toContain("Cloud API");
  });

  test("npm start prints nothing when clients disconnect before their answers", async () => {
    const { gateway, studio } = ready.urls;
    const headers = { apikey: ready.keys.secret };
    const large = "x".repeat(2_000_000);
    const leave = async (url: string, afterMs: number, init: RequestInit = {}) => {
      const controller = new AbortController();
      setTimeout(() => controller.abort(), afterMs);
      await fetch(url, { headers, ...init, signal: controller.signal })
        .then((response) => response.arrayBuffer())
        .catch(() => {});
    };
    const paths = ["/rest/v1/plans?select=*", "/auth/v1/settings", "/docs/openapi.json", "/api/v1/health"];
    const upload = { method: "POST", body: large, headers: { ...headers, "content-type": "image/png" } };
    for (let afterMs = 0; afterMs < 20; afterMs += 2) {
      await Promise.all([
        ...paths.map((path) => leave(`${gateway}${path}`, afterMs)),
        leave(`${studio}/rest/v1/plans?select=*`, afterMs),
        leave(`${gateway}/storage/v1/object/uploads/left/${afterMs}.png`, afterMs, upload),
      ]);
    }
    expect((await fetch(`${gateway}/health`)).status).toBe(200);
    expect(stack.errors).toEqual([]);
  });
});
