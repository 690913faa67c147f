import { afterAll, beforeAll, expect, inject, test } from "vitest";
import {
  type Answer,
  api,
  type Developer,
  type EndUser,
  errorOf,
  registerDeveloper,
  registerEndUser,
} from "../support/api.ts";
import { type Body, formOf, freshPrompt, GenerationStack, until } from "../support/generation.ts";

const stack = new GenerationStack(inject("stack"));
afterAll(() => stack.close());

let developer: Developer;
let user: EndUser;
let stranger: EndUser;
beforeAll(async () => {
  developer = await registerDeveloper();
  await stack.plan(developer.project.id, "premium");
  user = await registerEndUser(developer.project);
  stranger = await registerEndUser(developer.project);
});

const completed = async (prompt = freshPrompt(), headers = user.headers) =>
  stack.ended((await stack.created(prompt, headers)).id, headers);

test("a list has the caller's own generations only, newest first, with a right total", async () => {
  const { project } = await registerDeveloper();
  await stack.plan(project.id, "premium");
  const [owner, other] = [await registerEndUser(project), await registerEndUser(project)];
  const ids: string[] = [];
  for (let index = 0; index < 5; index++) ids.unshift((await stack.created(freshPrompt(), owner.headers)).id);
  await stack.created(freshPrompt(), other.headers);
  const { status, body } = await api("/generation?per_page=2&page=2", { headers: owner.headers });
  expect(status).toBe(200);
  expect(body).toMatchObject({ total: 5, page: 2, per_page: 2 });
  expect(body.generations.map(({ id }: { id: string }) => id)).toEqual(ids.slice(2, 4));

  const seen: string[] = [];
  for (let cursor: string | null = ""; cursor !== null; ) {
    const page: Answer<Body> = await api(`/generation?per_page=2${cursor && `&cursor=${cursor}`}`, {
      headers: owner.headers,
    });
    expect(page.body.total).toBe(5);
    seen.push(...page.body.generations.map(({ id }: { id: string }) => id));
    cursor = page.body.next_cursor;
  }
  expect(seen).toEqual(ids);
  expect(JSON.stringify(body)).not.toContain(owner.id);
});

test("whoever runs the project sees the generations of all its users; another developer sees none", async () => {
  const generation = await completed();
  const own = await api("/generation?per_page=100", {
    headers: { ...developer.headers, "X-Project-ID": developer.project.id },
  });
  expect(own.body.generations.map(({ id }: { id: string }) => id)).toContain(generation.id);
  const other = await registerDeveloper();
  const foreign = await api("/generation", {
    headers: { ...other.headers, "X-Project-ID": developer.project.id },
  });
  expect(errorOf(foreign)).toMatchObject({ status: 404, code: "project_not_found" });
});

test.each(["per_page=0", "per_page=101", "page=0", "page=x", "cursor=nonsense", "cursor=MjAyNg"])(
  "a list refuses ?%s",
  async (query) => {
    const answer = await api(`/generation?${query}`, { headers: user.headers });
    expect(errorOf(answer)).toMatchObject({ status: 422, code: "validation_failed" });
  },
);

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
  "%s publishes a picture at a stable address, and takes it back with every older address",
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
    const shown = await stack.status(before.id, user.headers);
    expect(shown.body.generated_image_url).toBe(address);

    const again = await api(path, { method: "PATCH", headers: user.headers, ...send(false) });
    expect(again.body).toMatchObject({ is_public: false });
    expect(errorOf(await api(address))).toMatchObject({ status: 404, code: "image_not_found" });
    expect((await api(ticketed)).status).toBe(404);
    const fresh = (await stack.status(before.id, user.headers)).body.generated_image_url;
    expect((await fetch(fresh)).status).toBe(200);
  },
);

test.each([
  ["no value", { json: {} }, 422, "validation_failed"],
  ["a word", { json: { is_public: "maybe" } }, 422, "validation_failed"],
  ["a word in a form", { body: new URLSearchParams({ is_public: "maybe" }) }, 422, "validation_failed"],
  ["plain text", { body: "true" }, 415, "unsupported_media_type"],
])("publishing refuses %s", async (_, init, status, code) => {
  const { id } = await stack.created(freshPrompt(), user.headers);
  const answer = await api(`/generation/${id}/public`, { method: "PATCH", headers: user.headers, ...init });
  expect(errorOf(answer)).toMatchObject({ status, code });
});

test("the public list needs no credentials, has completed published pictures only, and tells nothing of a person", async () => {
  const { project } = await registerDeveloper();
  await stack.plan(project.id, "premium");
  const owner = await registerEndUser(project);
  const form = formOf(freshPrompt("A portrait"));
  form.set("is_public", "true");
  const created = await api("/generation/generate-v2", {
    method: "POST",
    headers: owner.headers,
    body: form,
  });
  const shown = await stack.ended(created.body.id, owner.headers);
  await completed(freshPrompt(), owner.headers);
  await stack.created(`${freshPrompt()} [[stall]]`, owner.headers, { is_public: true });
  await stack.ended(
    (await stack.created(`${freshPrompt()} [[fail]]`, owner.headers, { is_public: true })).id,
    owner.headers,
  );

  for (const [path, headers] of [
    ["/generation/public", { "X-Project-ID": project.id }],
    [`/generation/public?project_id=${project.id}`, {}],
  ] as const) {
    const { status, body } = await api(path, { headers: { ...headers } });
    expect(status).toBe(200);
    expect(body).toMatchObject({ total: 1, page: 1, per_page: 20, next_cursor: null });
    expect(body.generations[0]).toMatchObject({ id: shown.id, example_images: [], is_public: true });
    expect((await fetch(body.generations[0].generated_image_url)).status).toBe(200);
    for (const secret of [owner.id, owner.email, "ticket"])
      expect(JSON.stringify(body)).not.toContain(secret);
  }
  const everywhere = await api("/generation/public?per_page=100");
  expect(everywhere.body.generations.map(({ id }: { id: string }) => id)).toContain(shown.id);

  await stack.sql`update public.projects set is_active = false where id = ${project.id}`;
  const hidden = await api("/generation/public?per_page=100");
  expect(hidden.body.generations.map(({ id }: { id: string }) => id)).not.toContain(shown.id);
  expect((await api(shown.generated_image_url)).status).toBe(404);
});

test("deleting takes row, files and every address with it", async () => {
  const created = await api("/generation/generate-v2", {
    method: "POST",
    headers: user.headers,
    body: formOf(freshPrompt()),
  });
  const done = await stack.ended(created.body.id, user.headers);
  expect(await stack.files(done.id)).toHaveLength(2);
  const signed = (await api(done.generated_image_url)).headers.get("location") ?? "";
  expect((await fetch(signed)).status).toBe(200);
  const before = await stack.charged(developer.project.id);

  const deleted = await api(`/generation/${done.id}`, { method: "DELETE", headers: user.headers });
  expect(deleted.status).toBe(200);
  expect(deleted.body).toEqual({ message: expect.any(String) });
  expect(await stack.files(done.id)).toEqual([]);
  expect((await fetch(signed)).status).not.toBe(200);
  expect((await api(done.generated_image_url)).status).toBe(404);
  expect(errorOf(await stack.status(done.id, user.headers))).toMatchObject({ code: "generation_not_found" });
  const twice = await api(`/generation/${done.id}`, { method: "DELETE", headers: user.headers });
  expect(errorOf(twice)).toMatchObject({ status: 404, code: "generation_not_found" });
  expect(await stack.charged(developer.project.id), "what was delivered stays charged").toBe(before);
});

test.each([
  ["cancel", "POST", (id: string) => `/generation/${id}/cancel`],
  ["delete", "DELETE", (id: string) => `/generation/${id}`],
])(
  "%s of a running generation stops it at the provider and gives its charge back",
  async (_, method, path) => {
    const prompt = `${freshPrompt()} [[stall]]`;
    const before = await stack.charged(developer.project.id);
    const { id } = await stack.created(prompt, user.headers);
    expect(await stack.charged(developer.project.id)).toBe(before + 1);
    const { prediction_id } = await until(async () => {
      const row = await stack.row(id);
      return row.prediction_id !== null && row;
    }, "it is submitted");
    expect((await api(path(id), { method, headers: user.headers })).status).toBe(200);
    // Twice where the webhook told its id before the request that made it was answered, which then finds it unwanted: costs nothing.
    expect(await stack.calls(prediction_id, "cancel")).not.toHaveLength(0);
    expect(await stack.charged(developer.project.id)).toBe(before);
    await until(
      async () =>
        (await stack.sql`select 1 from private.cleanup_tasks where generation_id = ${id}`).length === 0,
      "nothing is left to do",
    );
  },
);

test("a canceled generation stays canceled and uncharged, and can be canceled once", async () => {
  const { id } = await stack.created(`${freshPrompt()} [[slow 3000]]`, user.headers);
  const canceled = await api(`/generation/${id}/cancel`, { method: "POST", headers: user.headers });
  expect(canceled.body).toMatchObject({ id, status: "canceled", error_code: "canceled", charged: false });
  const again = await api(`/generation/${id}/cancel`, { method: "POST", headers: user.headers });
  expect(errorOf(again)).toMatchObject({ status: 409, code: "generation_not_running" });
  const finished = await completed();
  const late = await api(`/generation/${finished.id}/cancel`, { method: "POST", headers: user.headers });
  expect(errorOf(late)).toMatchObject({ status: 409, code: "generation_not_running" });
});

test.each([
  ["status", "GET", "/status"],
  ["publishing", "PATCH", "/public"],
  ["cancel", "POST", "/cancel"],
  ["delete", "DELETE", ""],
])("another person's generation is not found by %s", async (_, method, rest) => {
  const { id } = await stack.created(freshPrompt(), user.headers);
  const outsider = await registerEndUser((await registerDeveloper()).project);
  for (const headers of [stranger.headers, outsider.headers]) {
    const answer = await api(`/generation/${id}${rest}`, {
      method,
      headers,
      ...(method === "PATCH" ? { json: { is_public: true } } : {}),
    });
    expect(errorOf(answer)).toMatchObject({ status: 404, code: "generation_not_found" });
  }
  expect((await stack.status(id, user.headers)).status).toBe(200);
});

test("usage tells plan, limits and what is used of them", async () => {
  const { project } = await registerDeveloper();
  await stack.plan(project.id, "free");
  const owner = await registerEndUser(project);
  await stack.ended((await stack.created(freshPrompt(), owner.headers)).id, owner.headers);
  const { status, body } = await api("/generation/usage", { headers: owner.headers });
  expect(status).toBe(200);
  expect(body).toMatchObject({ plan: "free", used: 1, limit: 100, running: 0, concurrent_limit: 1 });
  expect(new Date(body.resets_at).getTime()).toBeGreaterThan(Date.now());
});

test("a ticket opens a picture also beside a bearer, and only that picture", async () => {
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
  ["the plan does not have", "bytedance/seedream-4"],
  ["nobody knows", "nobody/nothing"],
])("a model that %s is refused and leaves no file", async (_, model) => {
  const { project } = await registerDeveloper();
  await stack.plan(project.id, "free");
  const owner = await registerEndUser(project);
  const answer = await stack.create(freshPrompt(), owner.headers, { model });
  expect(errorOf(answer)).toMatchObject({ status: 403, code: "model_not_allowed" });
  expect(await stack.charged(project.id)).toBe(0);
});

test("an allowed model is used, and what it cost is recorded", async () => {
  const prompt = freshPrompt();
  const { id, model } = await stack.created(prompt, user.headers, { model: "bytedance/seedream-4" });
  expect(model).toBe("bytedance/seedream-4");
  expect(await stack.ended(id, user.headers)).toMatchObject({ status: "completed" });
  expect(await stack.calls(prompt, "create")).toMatchObject([{ model: "bytedance/seedream-4" }]);
  expect((await stack.row(id)).predict_seconds).toBeGreaterThan(0);
});

test("a public page by number is at most 10,000 pictures deep, and a cursor is not bounded", async () => {
  const deep = await api("/generation/public?per_page=100&page=101");
  expect(errorOf(deep)).toMatchObject({ status: 422, code: "validation_failed" });
  expect(deep.body.detail).toMatch(/cursor/);
  expect((await api("/generation/public?per_page=100&page=100")).status).toBe(200);
  const { body } = await api("/generation/public?per_page=1");
  if (body.next_cursor !== null)
    expect((await api(`/generation/public?per_page=100&page=101&cursor=${body.next_cursor}`)).status).toBe(
      200,
    );
});

test("no shared cache keeps a picture: neither the redirect nor the file", async () => {
  const { generated_image_url } = await completed();
  const redirect = await fetch(generated_image_url, { redirect: "manual" });
  expect(redirect.headers.get("cache-control")).toMatch(/^private, max-age=\d+$/);
  const file = await fetch(redirect.headers.get("location") ?? "");
  expect([file.status, file.headers.get("cache-control")]).toEqual([200, "max-age=3600, private"]);
});
