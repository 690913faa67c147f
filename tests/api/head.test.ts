import { beforeAll, expect, inject, test } from "vitest";
import { api, type Developer, registerDeveloper } from "../support/api.ts";
import { until } from "../support/until.ts";

const { urls } = inject("stack");
let developer: Developer;
beforeAll(async () => {
  developer = await registerDeveloper();
});

test.each<[path: string, signedIn: boolean]>([
  ["/health", false],
  ["/health/database", false],
  ["/auth/me", true],
  ["/auth/me", false],
  ["/projects", true],
  ["/generation/public", false],
  ["/generation/00000000-0000-4000-8000-000000000000/image", false],
  ["/auth/verify-email", false],
  ["/nowhere", false],
  ["/auth/login", false],
])("HEAD %s (signed in: %s) answers like GET without a body", async (path, signedIn) => {
  const headers = signedIn ? developer.headers : {};
  // On a busy machine a part can be unhealthy for a moment, between the two.
  const { got, head } = await until(
    "both have one status",
    async () => ({
      got: await api(path, { headers }),
      head: await fetch(`${urls.api}${path}`, { method: "HEAD", headers }),
    }),
    ({ got, head }) => got.status === head.status,
  );
  for (const name of [
    "content-type",
    "cache-control",
    "access-control-allow-origin",
    "x-total-count",
    "www-authenticate",
    "allow",
  ])
    expect([name, head.headers.get(name)]).toEqual([name, got.headers.get(name)]);
  expect(await head.text()).toBe("");
});

test("Allow and preflights list HEAD wherever GET is allowed", async () => {
  const refused = await api("/auth/sessions", { method: "POST", headers: developer.headers, json: {} });
  expect(refused.headers.get("allow")).toBe("GET, HEAD");
  const preflight = await api("/auth/me", {
    method: "OPTIONS",
    headers: { Origin: "https://app.example.com", "Access-Control-Request-Method": "HEAD" },
  });
  expect(preflight.headers.get("access-control-allow-methods")?.split(",")).toContain("HEAD");
});
