import { expect, inject, test } from "vitest";
import { api, errorOf, registerDeveloper, registerEndUser } from "../support/api.ts";

const { urls, credentials } = inject("stack");

test("the root and /health answer without prefix and without credentials", async () => {
  const root = await api(`${urls.gateway}/`);
  expect(root.body).toMatchObject({ name: "Cloud API", version: expect.stringMatching(/^\d+\.\d+\.\d+/) });
  const live = await api(`${urls.gateway}/health`);
  expect(live.status).toBe(200);
  expect(live.body).toEqual({ status: "healthy", version: root.body.version });
});

test("the whole health names every part", async () => {
  const { status, body } = await api("/health");
  expect(status).toBe(200);
  expect(body).toMatchObject({
    status: "healthy",
    database: { status: "healthy", latency_ms: expect.any(Number) },
    file_storage: { status: "healthy" },
    storage: { status: "healthy" },
    redis: { status: "not_configured" },
  });
  expect(Math.abs(Date.parse(body.timestamp) - Date.now())).toBeLessThan(60_000);
  expect(JSON.stringify(body)).not.toMatch(/127\.0\.0\.1|postgres|PostgreSQL|pool/i);
});

test.each([
  ["database", "healthy"],
  ["storage", "healthy"],
  ["redis", "not_configured"],
])("/health/%s is %s", async (part, state) => {
  const { status, body } = await api(`/health/${part}`);
  expect(status).toBe(200);
  expect(body.status).toBe(state);
});

test("an operator reads versions and figures, by key", async () => {
  const { status, body } = await api("/health/detailed", {
    headers: { "X-Operator-Key": credentials.operator_key ?? "" },
  });
  expect(status).toBe(200);
  expect(body).toMatchObject({
    database: { version: expect.stringMatching(/^1\d/) },
    system: { generation_configured: true },
  });
});

test("nobody else reads them", async () => {
  const developer = await registerDeveloper();
  const user = await registerEndUser(developer.project);
  expect(errorOf(await api("/health/detailed"))).toMatchObject({ status: 401, code: "not_authenticated" });
  for (const headers of [developer.headers, { Authorization: `Bearer ${user.token}` }])
    expect(errorOf(await api("/health/detailed", { headers }))).toMatchObject({
      status: 403,
      code: "operators_only",
    });
});

test.each(["/health", "/health/database"])("POST %s is not allowed", async (path) => {
  expect(errorOf(await api(path, { method: "POST" }))).toMatchObject({
    status: 405,
    code: "method_not_allowed",
  });
});

test("a part that does not exist is 404", async () => {
  expect(errorOf(await api("/health/moon"))).toMatchObject({ status: 404, code: "not_found" });
});
