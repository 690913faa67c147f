import { expect, test } from "vitest";
import { canonicalPath } from "../../supabase/functions/api/canonical-path.ts";

const id = "5d3c8c1e-7b52-4c55-9a38-1d60f0b9a001";

test.each([
  ["/", "/"],
  ["", "/"],
  ["/api", "/"],
  ["/api/v1", "/"],
  ["/api/v1/", "/"],
  ["/health", "/health"],
  ["/health/", "/health"],
  ["//health", "/health"],
  ["/health/database", "/api/v1/health/database"],
  ["/api/v1/health", "/api/v1/health"],
  ["/api/v1/health/", "/api/v1/health"],
  ["//api/v1/auth/login", "/api/v1/auth/login"],
  ["/api//v1///auth/login/", "/api/v1/auth/login"],
  ["/api/v1/api/v1/auth/me", "/api/v1/auth/me"],
  ["/api/v1/api/v1/api/v1/auth/me", "/api/v1/auth/me"],
  ["/api/v1//api/v1/auth/me", "/api/v1/auth/me"],
  ["/auth/login", "/auth/login"],
  ["/apiary", "/apiary"],
  ["/generations", "/generations"],
  ["/generation", "/api/v1/generation"],
  ["/generation/", "/api/v1/generation"],
  ["/generation/public", "/api/v1/generation/public"],
  ["/generation/generate", "/api/v1/generation/generate-v2"],
  ["/api/v1/generation/generate", "/api/v1/generation/generate-v2"],
  ["/api/v1/generation/generate/", "/api/v1/generation/generate-v2"],
  ["/api/v1/generation/generate-v2", "/api/v1/generation/generate-v2"],
  ["/generation/generate-anonymous", "/api/v1/generation/generate-anonymous-v2"],
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
  ["/api/api/v1/auth/me", "/api/v1/auth/me"],
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
    `/generation/anonymous-generations/${id}/status`,
    `/api/v1/generation/anonymous-generations-v2/${id}/status`,
  ],
  [
    `/api/v1/generation/anonymous-generations-v2/${id}/status`,
    `/api/v1/generation/anonymous-generations-v2/${id}/status`,
  ],
])("the path %s is routed as %s", (sent, route) => {
  expect(canonicalPath(sent)).toBe(route);
});

test.each(["/api/v1/generation", "/health", "/", `/api/v1/generation/${id}/image`])(
  "the canonical path %s stays as it is",
  (path) => {
    expect(canonicalPath(path)).toBe(path);
  },
);
