import { beforeAll, describe, expect, inject, test } from "vitest";
import {
  api,
  type EndUser,
  errorOf,
  freshEmail,
  password,
  registerDeveloper,
  registerEndUser,
} from "../support/api.ts";
import { waitUntilHealthy } from "../support/wait-until-healthy.ts";

const { urls } = inject("stack");
/** Paths of functions belong to the gateway, all others to the base URL of clients. */
const addressOf = (path: string) => `${path.includes("/functions/v1") ? urls.gateway : urls.base}${path}`;
let user: EndUser;
let generation: string;

beforeAll(async () => {
  user = await registerEndUser((await registerDeveloper()).project);
  const created = await api("/generation/generate-v2", {
    headers: user.headers,
    json: { prompt: "A lighthouse" },
  });
  generation = created.body.id;
});

describe("paths of the account", () => {
  test.each([
    "/api/v1/auth/me",
    "/api/v1/auth/me/",
    "//api/v1/auth/me",
    "/api//v1/auth//me",
    "/api/v1/api/v1/auth/me",
    "/api/v1/api/v1/auth/me/",
    "/functions/v1/api/v1/auth/me",
    "/functions/v1/api/v1/auth/me/",
    "/functions/v1/api/api/v1/auth/me",
    "/functions/v1/api/v1/api/v1/auth/me",
    "/functions/v1//api/v1/auth/me",
    "//functions/v1/api/v1/auth/me",
    "/api/v1/auth/me?x=1",
  ])("the account is read at %s", async (path) => {
    const { status, body } = await api(addressOf(path), { headers: user.headers });
    expect(status).toBe(200);
    expect(body.id).toBe(user.id);
  });
});

describe("paths of a generation", () => {
  test.each([
    "/api/v1/generation/ID/status",
    "/generation/ID/status",
    "/generation/ID/status/",
    "//generation/ID/status",
    "/generation/generations-v2/ID/status",
    "/api/v1/generation/generations-v2/ID/status",
    "/functions/v1/generation/ID/status",
    "/functions/v1/api/v1/generation/ID/status",
  ])("a generation is read at %s", async (path) => {
    const { status, body } = await api(addressOf(path.replace("ID", generation)), {
      headers: user.headers,
    });
    expect(status).toBe(200);
    expect(body.id).toBe(generation);
  });
});

test.each([
  "/generation/generate",
  "/generation/generate-v2",
  "//api/v1/generation/generate/",
  "/functions/v1/generation/generate-v2",
])("POST %s creates a generation without a redirect", async (path) => {
  const { status, body } = await api(addressOf(path), {
    headers: user.headers,
    json: { prompt: `At ${path}` },
  });
  expect(status).toBe(200);
  expect(body.instructions).toBe(`At ${path}`);
});

test("a registration works below a doubled prefix", async () => {
  const { "X-Project-ID": id = "", "X-Developer-Key": key = "" } = user.headers;
  const { status } = await api(`${urls.base}/api/v1/api/v1/auth/register/`, {
    headers: { "X-Project-ID": id, "X-Developer-Key": key },
    json: { email: freshEmail(), password },
  });
  expect(status).toBe(201);
});

test.each([
  "/health",
  "/health/",
  "//health",
  "/functions/v1/health",
  "/api/v1/health",
  "/functions/v1/api/v1/health",
])("%s answers the health check", async (path) => {
  expect((await waitUntilHealthy(addressOf(path))).status).toBe(200);
});

describe("unknown paths", () => {
  test.each([
    "/api/v1/nothing",
    "/api/v2/auth/me",
    "/api/v1/auth/me/more",
    "/api/v1/..%2fauth%2fme",
    "/functions/v1/other/auth/me",
    "/auth/me",
  ])("the unknown path %s answers 404 in the form of the API", async (path) => {
    const answer = await api(addressOf(path), { headers: user.headers });
    expect(errorOf(answer)).toMatchObject({ status: 404, code: "not_found" });
  });
});

test.each([
  ["PUT", "/auth/login", "POST"],
  ["GET", "/auth/register", "POST"],
  ["GET", "/generation/webhooks/replicate", "POST"],
  ["PUT", "/projects/users", "GET"],
  ["DELETE", "/projects/stats", "GET"],
  ["PATCH", "/generation/public", "GET"],
  ["DELETE", "/generation/usage", "GET"],
])("%s %s answers 405 with the allowed methods", async (method, path, allowed) => {
  const answer = await api(path, { method });
  expect(errorOf(answer)).toMatchObject({ status: 405, code: "method_not_allowed" });
  expect(answer.headers.get("allow")?.split(", ")).toContain(allowed);
});
