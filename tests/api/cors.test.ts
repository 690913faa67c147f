import { beforeAll, describe, expect, inject, test } from "vitest";
import { api, type EndUser, errorOf, registerDeveloper, registerEndUser } from "../support/api.ts";

const { urls } = inject("stack");
const origin = { Origin: "https://app.example.com" };
let user: EndUser;

beforeAll(async () => {
  user = await registerEndUser((await registerDeveloper()).project);
});

describe("a preflight", () => {
  const headers =
    "authorization,x-project-id,x-developer-key,x-api-key,content-type,x-user-role,idempotency-key";
  test.each([
    ["/api/v1/auth/login", "POST"],
    ["/api/v1/generation/generate-v2", "POST"],
    ["/api/v1/projects/00000000-0000-4000-8000-000000000000", "DELETE"],
    ["/api/v1/auth/me", "PATCH"],
    ["/generation/generate-anonymous", "POST"],
    ["/functions/v1/api/v1/auth/me", "GET"],
  ])("a preflight of %s for %s allows the method and headers", async (path, method) => {
    const { status, headers: answer } = await api(`${urls.base}${path}`, {
      method: "OPTIONS",
      headers: {
        ...origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": headers,
      },
    });
    expect(status).toBe(204);
    expect(answer.get("access-control-allow-origin")).toBe("*");
    expect(answer.get("access-control-allow-methods")?.split(",")).toContain(method);
    expect(answer.get("access-control-allow-headers")).toBe(headers);
    expect(Number(answer.get("access-control-max-age"))).toBeGreaterThan(0);
    expect(answer.get("content-length") ?? "0").toBe("0");
  });
});

test("CORS lets a page read answers and their headers", async () => {
  const { status, headers } = await api("/auth/me", { headers: { ...user.headers, ...origin } });
  expect(status).toBe(200);
  expect(headers.get("access-control-allow-origin")).toBe("*");
  const exposed = headers.get("access-control-expose-headers")?.toLowerCase() ?? "";
  for (const name of ["x-request-id", "x-total-count", "retry-after"]) expect(exposed).toContain(name);
});

describe("errors", () => {
  test.each<[string, string, object, number]>([
    [
      "malformed JSON",
      "/auth/login",
      { method: "POST", body: "{", headers: { "Content-Type": "application/json" } },
      400,
    ],
    ["a missing token", "/auth/me", {}, 401],
    [
      "missing keys",
      "/auth/register",
      { json: { email: "a@example.com", password: "Correct-horse-9" } },
      403,
    ],
    ["an unknown path", "/nowhere", {}, 404],
    ["a wrong method", "/auth/me", { method: "PUT" }, 405],
    [
      "a wrong content type",
      "/auth/login",
      { method: "POST", body: "a=b", headers: { "Content-Type": "text/plain" } },
      415,
    ],
    ["an invalid field", "/auth/login", { json: {} }, 422],
  ])(
    "CORS lets a page read the refusal of %s",
    async (_name, path, sent: { headers?: Record<string, string> }, status) => {
      const answer = await api(path, { ...sent, headers: { ...sent.headers, ...origin } });
      expect(errorOf(answer).status).toBe(status);
      expect(answer.headers.get("access-control-allow-origin")).toBe("*");
      expect(answer.headers.get("access-control-expose-headers")).toContain("X-Request-Id");
    },
  );
});

test("the gateway adds no second CORS header", async () => {
  const { headers } = await api("/auth/me", { headers: { ...user.headers, ...origin } });
  expect(headers.get("access-control-allow-origin")?.includes(",")).toBe(false);
});

describe("the request id", () => {
  test("a valid X-Request-Id of the caller is returned", async () => {
    const { headers } = await api("/health", { headers: { "X-Request-Id": "trace-0123456789" } });
    expect(headers.get("x-request-id")).toBe("trace-0123456789");
  });

  test.each(["with space", "<script>", "x".repeat(129), 'a"b'])(
    "the X-Request-Id %j is replaced by a new one",
    async (id) => {
      const { headers } = await api("/health", { headers: { "X-Request-Id": id } });
      expect(headers.get("x-request-id")).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4/);
    },
  );
});
