import { afterAll, beforeEach, expect, inject, test } from "vitest";
import { registerDeveloper, registerEndUser } from "../support/api.ts";
import { type Body, freshPrompt, GenerationStack, photo } from "../support/generation.ts";
import { lockAnonymousLimits } from "../support/lock-anonymous-limits.ts";
import { until } from "../support/until.ts";

const { urls } = inject("stack");
const stack = new GenerationStack(inject("stack"));
afterAll(() => stack.close());
lockAnonymousLimits();
beforeEach(async () => {
  await stack.sql`delete from private.anonymous_usage where day < '3000-01-01'`;
});

const bases = [
  ["the root", urls.base],
  ["/api/v1", `${urls.base}/api/v1`],
  ["a base with a slash at its end", `${urls.base}/api/v1/`],
  ["a doubled prefix", `${urls.base}/api/v1/api/v1`],
  ["the URL of the functions", `${urls.gateway}/functions/v1/api/v1`],
  ["the function's URL in the dashboard", `${urls.gateway}/functions/v1/api`],
  ["the name of the function", `${urls.gateway}/api`],
] as const;
const page = { Origin: "http://localhost:3000", Referer: "http://localhost:3000/" };

test.concurrent.each(bases)(
  "the image page of the Starter Kit works with the base URL %s",
  async (_, base) => {
    const formData = new FormData();
    formData.append("instructions", freshPrompt("Make it a watercolour"));
    for (const file of [photo(3), photo(5)])
      formData.append("files", new File([file], "IMG 0001.png", { type: "image/png" }));
    const response = await fetch(`${base}/generation/generate-anonymous`, {
      method: "POST",
      body: formData,
      headers: page,
      redirect: "error",
    });
    expect([response.status, response.headers.get("content-type")]).toEqual([
      200,
      expect.stringContaining("application/json"),
    ]);
    expect(response.headers.get("access-control-allow-origin")).toBe("*");
    const generation = (await response.json()) as Body;
    expect(generation.example_images).toHaveLength(2);

    const ask = async (): Promise<Body> => {
      const poll = await fetch(`${base}/generation/anonymous-generations/${generation.id}/status`, {
        headers: page,
        redirect: "error",
      });
      expect([poll.status, poll.headers.get("access-control-allow-origin")]).toEqual([200, "*"]);
      return { ...generation, ...((await poll.json()) as Body) };
    };
    const hasEnded = ({ status }: Body) => status === "completed" || status === "failed";
    const data = await until("the generation has ended", ask, hasEnded);
    expect(data.status).toBe("completed");
    for (const src of [data.generated_image_url, ...data.example_images]) {
      const image = await fetch(src);
      expect([image.status, image.headers.get("content-type")]).toEqual([200, "image/png"]);
    }
  },
);

test.each(bases)(
  "a refusal with the base URL %s is JSON with a sentence that a page can read",
  async (_, base) => {
    const formData = new FormData();
    formData.append("instructions", "");
    const response = await fetch(`${base}/generation/generate-anonymous`, {
      method: "POST",
      body: formData,
      headers: page,
    });
    const error = (await response.json()) as Body;
    expect([response.status, typeof error.detail]).toEqual([422, "string"]);
    expect(response.headers.get("access-control-allow-origin")).toBe("*");
  },
);

test.each(bases)("a preflight with the base URL %s is answered", async (_, base) => {
  const response = await fetch(`${base}/generation/generate-v2`, {
    method: "OPTIONS",
    headers: {
      ...page,
      "Access-Control-Request-Method": "POST",
      "Access-Control-Request-Headers":
        "authorization,idempotency-key,x-api-key,x-developer-key,x-project-id,x-user-role",
    },
  });
  expect(response.status).toBe(204);
  expect(response.headers.get("access-control-allow-methods")).toContain("PATCH");
  expect(response.headers.get("access-control-allow-headers")).toContain("idempotency-key");
});

test.concurrent.each(bases)("the legacy paths work for an end user with the base URL %s", async (_, base) => {
  const { project } = await registerDeveloper();
  await stack.setPlan(project.id, "premium");
  const user = await registerEndUser(project);
  const headers = { ...user.headers, "X-User-Role": "end_user" };
  const form = new FormData();
  form.append("instructions", JSON.stringify({ prompt: freshPrompt() }));
  form.append("example_images", new File([photo()], "photo.jpg", { type: "image/jpeg" }));
  const call = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(`${base}${path}`, { redirect: "error", headers, ...init });
    expect([path, response.status]).toEqual([path, 200]);
    return (await response.json()) as Body;
  };
  const { id } = await call("/generation/generate", { method: "POST", body: form });
  expect(await call(`/generation/generations-v2/${id}/status?wait=25`)).toMatchObject({
    id,
    status: "completed",
  });
  expect(await call("/generation/generations-v2?page=1&per_page=20")).toMatchObject({
    total: 1,
    page: 1,
    per_page: 20,
  });
  const body = new URLSearchParams({ is_public: "true" });
  expect(await call(`/generation/generations-v2/${id}/public`, { method: "PATCH", body })).toMatchObject({
    id,
    is_public: true,
  });
  const everybody = await call("/generation/public-generations-v2?page=1&per_page=20", {
    headers: { "X-Project-ID": project.id },
  });
  expect(everybody.generations).toMatchObject([{ id }]);
  expect(await call(`/generation/generations-v2/${id}`, { method: "DELETE" })).toHaveProperty("message");
});
