import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, inject, test } from "vitest";
import { repositoryRoot } from "../../scripts/local/settings.ts";
import { api, errorOf, type Headed, registerDeveloper, registerEndUser } from "../support/api.ts";
import { waitUntilHealthy } from "../support/wait-until-healthy.ts";

const { urls, keys, credentials } = inject("stack");

test("the root and /health answer without a prefix and without credentials", async () => {
  // Below /functions/v1 the first segment names the function.
  const root = await api(`${urls.base}/${urls.base.endsWith("/functions/v1") ? "api" : ""}`);
  expect(root.body).toMatchObject({ name: "Cloud API", version: expect.stringMatching(/^\d+\.\d+\.\d+/) });
  const live = await api(`${urls.base}/health`);
  expect(live.status).toBe(200);
  expect(live.body).toEqual({ status: "healthy", version: root.body.version });
});

test("/api/v1/health reports the state of every part", async () => {
  const { status, body } = await waitUntilHealthy("/health");
  expect(status).toBe(200);
  expect(body).toMatchObject({
    status: "healthy",
    database: { status: "healthy", latency_ms: expect.any(Number) },
    file_storage: { status: "healthy" },
    storage: { status: "healthy" },
    auth: { status: "healthy" },
    mail: { status: "healthy" },
    image_provider: { status: "healthy" },
  });
  expect(Math.abs(Date.parse(body.timestamp) - Date.now())).toBeLessThan(60_000);
  expect(JSON.stringify(body)).not.toMatch(/127\.0\.0\.1|postgres|PostgreSQL|pool/i);
});

test.each(["database", "storage"])("/health/%s is healthy", async (part) => {
  expect((await waitUntilHealthy(`/health/${part}`)).status).toBe(200);
});

const asOperator = { "X-Operator-Key": credentials.operator_key ?? "" };

test("an operator reads versions, figures and settings in /health/detailed, and no secret", async () => {
  const { status, body } = await waitUntilHealthy("/health/detailed", asOperator);
  expect(status).toBe(200);
  const { service } = body;
  expect(service).toMatchObject({
    database_version: expect.stringMatching(/^1\d/),
    runtime: expect.stringMatching(/^Deno\/\d/),
    migrations: { missing: [], unknown: [] },
    pool: { size: expect.any(Number), waiting: expect.any(Number) },
    queue: { pending: { overdue: expect.any(Number) }, processing: { count: expect.any(Number) } },
    mail_outbox: { waiting: expect.any(Number) },
    settings: { secret_key_set: true, cron_secret_set: true },
  });
  const files = readdirSync(join(repositoryRoot, "supabase/migrations")).filter((name) =>
    name.endsWith(".sql"),
  );
  expect(service.migrations).toMatchObject({ applied: files.length, expected: files.length });
  expect(service.connections.api).toBeGreaterThan(0);
  expect(service.connections.used).toBeLessThan(service.connections.max);
  const text = JSON.stringify(body);
  for (const secret of Object.values(keys)) expect(text).not.toContain(secret);
  expect(text).not.toContain("postgresql://");
});

test("/health/detailed shows the last run of the reconciler and its jobs", async () => {
  const headers = { Authorization: `Bearer ${keys.cron_secret}` };
  const before = Date.now() - 1000;
  expect((await api("/internal/reconcile", { method: "POST", headers })).status).toBe(200);
  const { body } = await api("/health/detailed", { headers: asOperator });
  expect(Date.parse(body.service.reconciler.last_run_at)).toBeGreaterThan(before);
  expect(Object.keys(body.service.reconciler.jobs)).toEqual(
    expect.arrayContaining(["generations", "mail", "cleanup"]),
  );
});

test("/health/detailed shows other callers the states of the parts, and no hosts, versions or figures", async () => {
  const developer = await registerDeveloper();
  const user = await registerEndUser(developer.project);
  for (const headers of [{}, developer.headers, { Authorization: `Bearer ${user.token}` }]) {
    const { status, body } = await waitUntilHealthy("/health/detailed", headers);
    expect(status).toBe(200);
    expect(body).toMatchObject({ status: "healthy", database: { status: "healthy" } });
    expect(body).not.toHaveProperty("service");
    expect(JSON.stringify(body)).not.toMatch(/127\.0\.0\.1|Deno|postgres|pool|migrations/i);
  }
});

test("/health/detailed refuses invalid credentials", async () => {
  const refusal = async (headers: Headed) => errorOf(await api("/health/detailed", { headers }));
  expect(await refusal({ Authorization: "Bearer not.a.token" })).toMatchObject({
    status: 401,
    code: "invalid_token",
  });
  expect(await refusal({ "X-Operator-Key": "ok_wrong" })).toMatchObject({
    status: 403,
    code: "operator_key_invalid",
  });
});

test.each(["/health", "/health/storage", "/health/detailed"])(
  "%s answers health+json if the request accepts it, and is never cached",
  async (path) => {
    const answer = await waitUntilHealthy(path, { Accept: "application/health+json" });
    expect(answer.headers.get("content-type")).toBe("application/health+json");
    expect(answer.headers.get("cache-control")).toBe("no-store");
    expect((await api(path)).headers.get("content-type")).toBe("application/json");
  },
);

test.each(["/health", "/health/database"])("POST %s answers 405", async (path) => {
  expect(errorOf(await api(path, { method: "POST" }))).toMatchObject({
    status: 405,
    code: "method_not_allowed",
  });
});

test("the health of an unknown part answers 404", async () => {
  expect(errorOf(await api("/health/moon"))).toMatchObject({ status: 404, code: "not_found" });
});
