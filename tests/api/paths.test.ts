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
import { whenHealthy } from "../support/health.ts";

const { urls } = inject("stack");
/** Functions are below Supabase's own address; everything else is below the one that clients call. */
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

describe("the account is read at every address that clients build", () => {
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
  ])("%s", async (path) => {
    const { status, body } = await api(addressOf(path), { headers: user.headers });
    expect(status).toBe(200);
    expect(body.id).toBe(user.id);
  });
});

describe("a generation is read at every address", () => {
  test.each([
    "/api/v1/generation/ID/status",
    "/generation/ID/status",
    "/generation/ID/status/",
    "//generation/ID/status",
    "/generation/generations-v2/ID/status",
    "/api/v1/generation/generations-v2/ID/status",
    "/functions/v1/generation/ID/status",
    "/functions/v1/api/v1/generation/ID/status",
  ])("%s", async (path) => {
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
])("POST %s keeps its body: it is no redirect", async (path) => {
  const { status, body } = await api(addressOf(path), {
    headers: user.headers,
    json: { prompt: `At ${path}` },
  });
  expect(status).toBe(200);
  expect(body.instructions).toBe(`At ${path}`);
});

test("a registration with a doubled prefix is a registration", async () => {
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
])("%s tells the health", async (path) => {
  expect((await whenHealthy(addressOf(path))).status).toBe(200);
});

describe("what is no address of the API is 404, in its form", () => {
  test.each([
    "/api/v1/nothing",
    "/api/v2/auth/me",
    "/api/v1/auth/me/more",
    "/api/v1/..%2fauth%2fme",
    "/functions/v1/other/auth/me",
    "/auth/me",
  ])("%s", async (path) => {
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
])("%s %s is 405 and tells what is allowed", async (method, path, allowed) => {
  const answer = await api(path, { method });
  expect(errorOf(answer)).toMatchObject({ status: 405, code: "method_not_allowed" });
  expect(answer.headers.get("allow")?.split(", ")).toContain(allowed);
});
