import { expect, test } from "vitest";
import { api, errorOf, password, registerDeveloper, registerEndUser } from "../support/api.ts";
import { openDatabase } from "../support/management.ts";

const sql = openDatabase();

async function projectFor(allowedOrigins: string[]) {
  const developer = await registerDeveloper();
  const user = await registerEndUser(developer.project);
  const changed = await api(`/projects/${developer.project.id}`, {
    method: "PATCH",
    headers: developer.headers,
    json: { allowed_origins: allowedOrigins },
  });
  expect(changed.status).toBe(200);
  return { developer, user };
}

test.each([
  [["*"], "https://any.example.net", true],
  [["*"], "null", true],
  [["https://app.example.com"], "https://app.example.com", true],
  [["https://app.example.com"], "http://app.example.com", false],
  [["https://app.example.com"], "https://app.example.com:8443", false],
  [["https://app.example.com"], "https://app.example.com.evil.net", false],
  [["https://app.example.com"], "null", false],
  [["https://*.example.com"], "https://a.example.com", true],
  [["https://*.example.com"], "https://a.b.example.com", true],
  [["https://*.example.com"], "https://example.com", false],
  [["https://*.example.com"], "https://evilexample.com", false],
  [["https://*.example.com"], "http://a.example.com", false],
  [["http://*.localhost:3000"], "http://shop.localhost:3000", true],
  [["http://*.localhost:3000"], "http://shop.localhost:3001", false],
  [["https://one.example.com", "https://two.example.com"], "https://two.example.com", true],
  [[], "https://app.example.com", false],
])("for allowed_origins %j the check of the origin %s is %s", async (allowed, origin, isAllowed) => {
  const [row] = await sql`select private.is_origin_allowed(${origin}, ${allowed}) as allowed`;
  expect(row?.allowed).toBe(isAllowed);
});

test("an allowed origin can read answers and errors; another one gets a 403 without CORS headers", async () => {
  const { user } = await projectFor(["https://*.example.com"]);
  const good = { ...user.headers, Origin: "https://app.example.com" };
  const me = await api("/auth/me", { headers: good });
  expect([me.status, me.headers.get("access-control-allow-origin")]).toEqual([200, "*"]);
  const missing = await api("/generation/00000000-0000-4000-8000-000000000000/status", { headers: good });
  expect([missing.status, missing.headers.get("access-control-allow-origin")]).toEqual([404, "*"]);

  const bad = { ...user.headers, Origin: "https://evil.net" };
  for (const path of ["/auth/me", "/generation/00000000-0000-4000-8000-000000000000/status"]) {
    const refused = await api(path, { headers: bad });
    expect(errorOf(refused)).toMatchObject({ status: 403, code: "origin_not_allowed" });
    expect(refused.headers.get("access-control-allow-origin")).toBeNull();
  }
});

test("the origin is checked if the project's id, its API key or an end user's token names the project", async () => {
  const { developer, user } = await projectFor(["https://app.example.com"]);
  const { project } = developer;
  const names: Record<string, string>[] = [{ "X-Project-ID": project.id }, { "X-API-Key": project.api_key }];
  for (const headers of names) {
    const answer = await api("/auth/login", {
      headers: { ...headers, Origin: "https://evil.net" },
      json: { email: user.email, password },
    });
    expect(errorOf(answer).code).toBe("origin_not_allowed");
  }
  const byToken = await api("/auth/me", {
    headers: { Authorization: `Bearer ${user.token}`, Origin: "https://evil.net" },
  });
  expect(errorOf(byToken).code).toBe("origin_not_allowed");
});

test("the origin is not checked without an Origin header or without a project", async () => {
  const { developer, user } = await projectFor([]);
  expect((await api("/auth/me", { headers: user.headers })).status).toBe(200);
  const health = await api("/health", { headers: { Origin: "https://evil.net" } });
  expect(health.headers.get("access-control-allow-origin")).toBe("*");
  const login = await api("/auth/login", {
    headers: { Origin: "https://evil.net" },
    json: { email: developer.email, password },
  });
  expect(login.status).toBe(200);
});

test("an owner can repair the allowed origins from any origin", async () => {
  const { developer } = await projectFor([]);
  const repaired = await api(`/projects/${developer.project.id}`, {
    method: "PATCH",
    headers: {
      ...developer.headers,
      "X-Project-ID": developer.project.id,
      Origin: "https://dashboard.example",
    },
    json: { allowed_origins: ["*"] },
  });
  expect(repaired.status).toBe(200);
});

test("a preflight is answered for every origin", async () => {
  const answer = await api("/auth/me", {
    method: "OPTIONS",
    headers: {
      Origin: "https://evil.net",
      "Access-Control-Request-Method": "PATCH",
      "Access-Control-Request-Headers": "authorization,x-project-id",
    },
  });
  expect(answer.status).toBe(204);
  expect(answer.headers.get("access-control-allow-origin")).toBe("*");
  expect(answer.headers.get("access-control-allow-headers")).toContain("x-project-id");
});
