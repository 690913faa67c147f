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
])("%s means %s", (path, meant) => {
  expect(canonicalPath(path)).toBe(meant);
});

test("a canonical path stays as it is", () => {
  for (const path of ["/", "/health", "/api/v1/health", `/api/v1/generation/${id}/status`])
    expect(canonicalPath(canonicalPath(path))).toBe(path);
});
