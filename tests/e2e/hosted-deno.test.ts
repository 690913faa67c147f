import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { type FunctionProcess, startFunction } from "../support/function-process.ts";
import { waitUntilHealthy } from "../support/wait-until-healthy.ts";

let base: string;
let hosted: FunctionProcess;

beforeAll(async () => {
  hosted = await startFunction(inject("stack"), "hosted");
  base = hosted.base;
});

afterAll(() => hosted?.end());

test("the function starts on the Deno of hosted Supabase and answers /health", async () => {
  const response = await fetch(`${base}/health`);
  expect(response.status).toBe(200);
  expect(await response.json()).toMatchObject({ status: "healthy" });
});

test("the function reaches database and Storage on the Deno of hosted Supabase", async () => {
  expect((await waitUntilHealthy(`${base}/api/v1/health`)).body).toMatchObject({
    database: { status: "healthy" },
    storage: { status: "healthy" },
  });
});

test("the function refuses a forged token on the Deno of hosted Supabase", async () => {
  const response = await fetch(`${base}/api/v1/auth/me`, {
    headers: { Authorization: "Bearer not.a.token" },
  });
  expect(response.status).toBe(401);
  expect(await response.json()).toMatchObject({ code: "invalid_token" });
});
