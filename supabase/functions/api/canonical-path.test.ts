import fc from "fast-check";
import { expect, test } from "vitest";
import { canonicalPath } from "./canonical-path.ts";

const id = "7d1fd0a6-9a5d-4f0e-8f2c-0a8d0c6c3f7e";

test.each([
  ["/api/v1/auth/me", "/api/v1/auth/me"],
  ["/api/v1/auth/me/", "/api/v1/auth/me"],
  ["//api/v1/auth/me", "/api/v1/auth/me"],
  ["/api//v1///auth/me", "/api/v1/auth/me"],
  ["/api/v1/api/v1/auth/me", "/api/v1/auth/me"],
  ["/api/v1/api/v1/api/v1/auth/me", "/api/v1/auth/me"],
  ["/api/v1//api/v1/auth/me/", "/api/v1/auth/me"],
  ["/api/api/v1/auth/me", "/api/v1/auth/me"],
  ["/api/api/v1/api/v1/auth/me", "/api/v1/auth/me"],
  ["/api/api/v1", "/"],
  ["/", "/"],
  ["", "/"],
  ["/api", "/"],
  ["/api/", "/"],
  ["/api/v1", "/"],
  ["/api/v1/api/v1", "/"],
  ["/health", "/health"],
  ["/health/", "/health"],
  ["/api/v1/health", "/api/v1/health"],
  ["/health/database", "/api/v1/health/database"],
  ["/generation/generate", "/api/v1/generation/generate-v2"],
  ["/api/v1/generation/generate", "/api/v1/generation/generate-v2"],
  ["/generation/generate-v2", "/api/v1/generation/generate-v2"],
  ["/generation/generate-anonymous", "/api/v1/generation/generate-anonymous-v2"],
  ["/generation/generations-v2", "/api/v1/generation"],
  [`/generation/generations-v2/${id}`, `/api/v1/generation/${id}`],
  [`/generation/generations-v2/${id}/status`, `/api/v1/generation/${id}/status`],
  [`/api/v1/generation/generations-v2/${id}/public/`, `/api/v1/generation/${id}/public`],
  ["/generation/public-generations-v2", "/api/v1/generation/public"],
  [
    `/generation/anonymous-generations/${id}/status`,
    `/api/v1/generation/anonymous-generations-v2/${id}/status`,
  ],
  [`/generation/${id}/status`, `/api/v1/generation/${id}/status`],
  ["/generations", "/generations"],
  ["/healthy", "/healthy"],
  ["/auth/me", "/auth/me"],
  ["/api/v2/auth/me", "/api/v2/auth/me"],
  ["/api/v1x/auth/me", "/api/v1x/auth/me"],
  ["/api/v1/", "/"],
  ["//health", "/health"],
  ["/api/v1/health/", "/api/v1/health"],
  ["//api/v1/auth/login", "/api/v1/auth/login"],
  ["/api//v1///auth/login/", "/api/v1/auth/login"],
  ["/api/v1//api/v1/auth/me", "/api/v1/auth/me"],
  ["/auth/login", "/auth/login"],
  ["/apiary", "/apiary"],
  ["/generation", "/api/v1/generation"],
  ["/generation/", "/api/v1/generation"],
  ["/generation/public", "/api/v1/generation/public"],
  ["/api/v1/generation/generate/", "/api/v1/generation/generate-v2"],
  ["/api/v1/generation/generate-v2", "/api/v1/generation/generate-v2"],
  ["/generation/generate-anonymous-v2", "/api/v1/generation/generate-anonymous-v2"],
  ["/api/v1/generation/generations-v2", "/api/v1/generation"],
  [`/api/v1/generation/generations-v2/${id}`, `/api/v1/generation/${id}`],
  [`/generation/generations-v2/${id}/`, `/api/v1/generation/${id}`],
  [`/api/v1/generation/generations-v2/${id}/status`, `/api/v1/generation/${id}/status`],
  [`/api/v1/generation/generations-v2/${id}/public`, `/api/v1/generation/${id}/public`],
  [`/api/v1/generation/generations-v2/${id}/cancel`, `/api/v1/generation/generations-v2/${id}/cancel`],
  [`/generation/generations/${id}`, `/api/v1/generation/${id}`],
  [`/api/v1/generation/generations/${id}`, `/api/v1/generation/${id}`],
  [`/api/v1/generation/generations/${id}/status`, `/api/v1/generation/${id}/status`],
  ["/api/v1/generation/generations", "/api/v1/generation"],
  ["/api/health", "/health"],
  ["/api/health/database", "/api/v1/health/database"],
  ["/api/api/v1/health", "/api/v1/health"],
  ["/api/generation/generate", "/api/v1/generation/generate-v2"],
  ["/api//generation/public/", "/api/v1/generation/public"],
  ["/api/api/v1/generation/generate-anonymous", "/api/v1/generation/generate-anonymous-v2"],
  [
    `/api/generation/anonymous-generations/${id}/status`,
    `/api/v1/generation/anonymous-generations-v2/${id}/status`,
  ],
  [
    `/generation/anonymous-generations/${id}/events`,
    `/api/v1/generation/anonymous-generations-v2/${id}/events`,
  ],
  [`/generation/generations-v2/${id}/events`, `/api/v1/generation/${id}/events`],
  ["/api/v1/generation/public-generations-v2", "/api/v1/generation/public"],
  [
    `/api/v1/generation/anonymous-generations-v2/${id}/status`,
    `/api/v1/generation/anonymous-generations-v2/${id}/status`,
  ],
])("the path %s is routed as %s", (path, route) => {
  expect(canonicalPath(path)).toBe(route);
});

test.each(["/", "/health", "/api/v1/generation", `/api/v1/generation/${id}/image`])(
  "the canonical path %s stays as it is",
  (path) => {
    expect(canonicalPath(path)).toBe(path);
  },
);

test("any path is routed the same with and without a trailing slash", () => {
  const parts = [
    "api",
    "v1",
    "generation",
    "health",
    "auth",
    "me",
    "generate",
    "generations-v2",
    "status",
    id,
  ];
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...parts), { minLength: 1, maxLength: 6 }), (chosen) => {
      const path = `/${chosen.join("/")}`;
      expect(canonicalPath(path)).toBe(canonicalPath(`${path}/`));
    }),
    { numRuns: 2_000 },
  );
});
