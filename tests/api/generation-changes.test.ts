import { afterAll, beforeAll, expect, inject, test } from "vitest";
import {
  api,
  type Developer,
  type EndUser,
  errorOf,
  registerDeveloper,
  registerEndUser,
} from "../support/api.ts";
import { formOf, freshPrompt, GenerationStack } from "../support/generation.ts";
import { until } from "../support/until.ts";

const stack = new GenerationStack(inject("stack"));
afterAll(() => stack.close());

let developer: Developer;
let user: EndUser;
let stranger: EndUser;
beforeAll(async () => {
  developer = await registerDeveloper();
  await stack.setPlan(developer.project.id, "premium");
  user = await registerEndUser(developer.project);
  stranger = await registerEndUser(developer.project);
});

const completed = async (prompt = freshPrompt(), headers = user.headers) =>
  stack.waitForEnd((await stack.makeGeneration(prompt, headers)).id, headers);

test.each([
  ["JSON", (value: boolean) => ({ json: { is_public: value } })],
  ["a form", (value: boolean) => ({ body: new URLSearchParams({ is_public: String(value) }) })],
  [
    "multipart",
    (value: boolean) => {
      const form = new FormData();
      form.set("is_public", String(value));
      return { body: form };
    },
  ],
])(
  "publishing by %s gives a picture a stable URL, and unpublishing ends that and every older URL",
  async (_, send) => {
    const before = await completed();
    const ticketed = before.generated_image_url;
    const address = `${inject("stack").urls.api}/generation/${before.id}/image`;
    expect((await api(address)).status).toBe(404);

    const path = `/generation/${before.id}/public`;
    const published = await api(path, { method: "PATCH", headers: user.headers, ...send(true) });
    expect(published.status).toBe(200);
    expect(published.body).toMatchObject({ id: before.id, is_public: true, message: expect.any(String) });
    const picture = await fetch(address);
    expect([picture.status, picture.headers.get("content-type")]).toEqual([200, "image/png"]);
    const shown = await stack.readStatus(before.id, user.headers);
    expect(shown.body.generated_image_url).toBe(address);

    const again = await api(path, { method: "PATCH", headers: user.headers, ...send(false) });
    expect(again.body).toMatchObject({ is_public: false });
    expect(errorOf(await api(address))).toMatchObject({ status: 404, code: "image_not_found" });
    expect((await api(ticketed)).status).toBe(404);
    const fresh = (await stack.readStatus(before.id, user.headers)).body.generated_image_url;
    expect((await fetch(fresh)).status).toBe(200);
  },
);

test.each([
  ["no value", { json: {} }, 422, "validation_failed"],
  ["a word instead of a boolean", { json: { is_public: "maybe" } }, 422, "validation_failed"],
  [
    "a word instead of a boolean in a form",
    { body: new URLSearchParams({ is_public: "maybe" }) },
    422,
    "validation_failed",
  ],
  ["plain text", { body: "true" }, 415, "unsupported_media_type"],
])("publishing a generation refuses %s", async (_, init, status, code) => {
  const { id } = await stack.makeGeneration(freshPrompt(), user.headers);
  const answer = await api(`/generation/${id}/public`, { method: "PATCH", headers: user.headers, ...init });
  expect(errorOf(answer)).toMatchObject({ status, code });
});

test("deleting a generation removes its row, files and URLs, and keeps its charge", async () => {
  const created = await api("/generation/generate-v2", {
    method: "POST",
    headers: user.headers,
    body: formOf(freshPrompt()),
  });
  const done = await stack.waitForEnd(created.body.id, user.headers);
  expect(await stack.filesOf(done.id)).toHaveLength(2);
  const signed = (await api(done.generated_image_url)).headers.get("location") ?? "";
  expect((await fetch(signed)).status).toBe(200);
  const before = await stack.chargesOf(developer.project.id);

  const deleted = await api(`/generation/${done.id}`, { method: "DELETE", headers: user.headers });
  expect(deleted.status).toBe(200);
  expect(deleted.body).toEqual({ message: expect.any(String) });
  expect(await stack.filesOf(done.id)).toEqual([]);
  expect((await fetch(signed)).status).not.toBe(200);
  expect((await api(done.generated_image_url)).status).toBe(404);
  expect(errorOf(await stack.readStatus(done.id, user.headers))).toMatchObject({
    code: "generation_not_found",
  });
  const twice = await api(`/generation/${done.id}`, { method: "DELETE", headers: user.headers });
  expect(errorOf(twice)).toMatchObject({ status: 404, code: "generation_not_found" });
  expect(await stack.chargesOf(developer.project.id), "a delivered generation stays charged").toBe(before);
});

test.each([
  ["canceling", "POST", (id: string) => `/generation/${id}/cancel`],
  ["deleting", "DELETE", (id: string) => `/generation/${id}`],
])("%s a running generation cancels it at the provider and refunds its charge", async (_, method, path) => {
  const prompt = `${freshPrompt()} [[stall]]`;
  const before = await stack.chargesOf(developer.project.id);
  const { id } = await stack.makeGeneration(prompt, user.headers);
  expect(await stack.chargesOf(developer.project.id)).toBe(before + 1);
  const { prediction_id } = await until(
    "the generation is submitted",
    () => stack.rowOf(id),
    (row) => row.prediction_id !== null,
  );
  expect((await api(path(id), { method, headers: user.headers })).status).toBe(200);
  // Two cancels are possible if the webhook arrives before the answer to the create. The second one costs nothing.
  expect(await stack.callsAbout(prediction_id, "cancel")).not.toHaveLength(0);
  expect(await stack.chargesOf(developer.project.id)).toBe(before);
  await until(
    "no cleanup task is left",
    () => stack.sql`select 1 from private.cleanup_tasks where generation_id = ${id}`,
    ({ length }) => length === 0,
  );
});

test("canceling a generation refunds its charge, and a generation that has ended cannot be canceled", async () => {
  const { id } = await stack.makeGeneration(`${freshPrompt()} [[slow 3000]]`, user.headers);
  const canceled = await api(`/generation/${id}/cancel`, { method: "POST", headers: user.headers });
  expect(canceled.body).toMatchObject({ id, status: "canceled", error_code: "canceled", charged: false });
  const again = await api(`/generation/${id}/cancel`, { method: "POST", headers: user.headers });
  expect(errorOf(again)).toMatchObject({ status: 409, code: "generation_not_running" });
  const finished = await completed();
  const late = await api(`/generation/${finished.id}/cancel`, { method: "POST", headers: user.headers });
  expect(errorOf(late)).toMatchObject({ status: 409, code: "generation_not_running" });
});

test.each([
  ["reading the status of", "GET", "/status"],
  ["publishing", "PATCH", "/public"],
  ["canceling", "POST", "/cancel"],
  ["deleting", "DELETE", ""],
])("%s another user's generation answers 404", async (_, method, rest) => {
  const { id } = await stack.makeGeneration(freshPrompt(), user.headers);
  const outsider = await registerEndUser((await registerDeveloper()).project);
  for (const headers of [stranger.headers, outsider.headers]) {
    const answer = await api(`/generation/${id}${rest}`, {
      method,
      headers,
      ...(method === "PATCH" ? { json: { is_public: true } } : {}),
    });
    expect(errorOf(answer)).toMatchObject({ status: 404, code: "generation_not_found" });
  }
  expect((await stack.readStatus(id, user.headers)).status).toBe(200);
});

test("usage shows the plan, its limits and what is used", async () => {
  const { project } = await registerDeveloper();
  await stack.setPlan(project.id, "free");
  const owner = await registerEndUser(project);
  await stack.waitForEnd((await stack.makeGeneration(freshPrompt(), owner.headers)).id, owner.headers);
  const { status, body } = await api("/generation/usage", { headers: owner.headers });
  expect(status).toBe(200);
  expect(body).toMatchObject({ plan: "free", used: 1, limit: 100, running: 0, concurrent_limit: 1 });
  expect(new Date(body.resets_at).getTime()).toBeGreaterThan(Date.now());
});

test("a ticket opens only its own picture, and without a ticket only the owner's token opens it", async () => {
  const one = await completed();
  const other = await completed();
  expect(
    (await api(one.generated_image_url, { headers: { Authorization: user.headers.Authorization ?? "" } }))
      .status,
  ).toBe(302);
  const ticket = new URL(one.generated_image_url).searchParams.get("ticket") ?? "";
  expect((await api(`/generation/${other.id}/image?ticket=${ticket}`)).status).toBe(404);
  const version = ticket.replace(/\.1\./, ".2.");
  expect(version).not.toBe(ticket);
  expect((await api(`/generation/${one.id}/image?ticket=${version}`)).status).toBe(404);
  expect((await api(`/generation/${one.id}/image`, { headers: user.headers })).status).toBe(302);
  expect((await api(`/generation/${one.id}/image`, { headers: stranger.headers })).status).toBe(404);
});

test.each([
  ["the plan does not include", "bytedance/seedream-4"],
  ["does not exist", "nobody/nothing"],
])("a model that %s is refused and charges nothing", async (_, model) => {
  const { project } = await registerDeveloper();
  await stack.setPlan(project.id, "free");
  const owner = await registerEndUser(project);
  const answer = await stack.sendCreate(freshPrompt(), owner.headers, { model });
  expect(errorOf(answer)).toMatchObject({ status: 403, code: "model_not_allowed" });
  expect(await stack.chargesOf(project.id)).toBe(0);
});

test("a requested model of the plan is used, and its compute time is recorded", async () => {
  const prompt = freshPrompt();
  const { id, model } = await stack.makeGeneration(prompt, user.headers, { model: "bytedance/seedream-4" });
  expect(model).toBe("bytedance/seedream-4");
  expect(await stack.waitForEnd(id, user.headers)).toMatchObject({ status: "completed" });
  expect(await stack.callsAbout(prompt, "create")).toMatchObject([{ model: "bytedance/seedream-4" }]);
  expect((await stack.rowOf(id)).predict_seconds).toBeGreaterThan(0);
});

test("shared caches may store neither the redirect to a picture nor the picture", async () => {
  const { generated_image_url } = await completed();
  const redirect = await fetch(generated_image_url, { redirect: "manual" });
  expect(redirect.headers.get("cache-control")).toMatch(/^private, max-age=\d+$/);
  const file = await fetch(redirect.headers.get("location") ?? "");
  expect([file.status, file.headers.get("cache-control")]).toEqual([200, "max-age=3600, private"]);
});
