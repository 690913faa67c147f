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
import { type Body, formOf, freshPrompt, GenerationStack } from "../support/generation.ts";

const stack = new GenerationStack(inject("stack"));
afterAll(() => stack.close());

let developer: Developer;
let user: EndUser;
beforeAll(async () => {
  developer = await registerDeveloper();
  await stack.setPlan(developer.project.id, "premium");
  user = await registerEndUser(developer.project);
});

const completed = async (prompt = freshPrompt(), headers = user.headers) =>
  stack.waitForEnd((await stack.makeGeneration(prompt, headers)).id, headers);

test("a list has only the caller's own generations, newest first, with their total, by page and by cursor", async () => {
  const { project } = await registerDeveloper();
  await stack.setPlan(project.id, "premium");
  const [owner, other] = [await registerEndUser(project), await registerEndUser(project)];
  const ids: string[] = [];
  for (let index = 0; index < 5; index++)
    ids.unshift((await stack.makeGeneration(freshPrompt(), owner.headers)).id);
  await stack.makeGeneration(freshPrompt(), other.headers);
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

test("a developer sees the generations of all users of the project; another developer gets 404", async () => {
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
  "the list of generations refuses ?%s",
  async (query) => {
    const answer = await api(`/generation?${query}`, { headers: user.headers });
    expect(errorOf(answer)).toMatchObject({ status: 422, code: "validation_failed" });
  },
);

test("the public list needs no credentials, has only completed published pictures, and shows nothing of a user", async () => {
  const { project } = await registerDeveloper();
  await stack.setPlan(project.id, "premium");
  const owner = await registerEndUser(project);
  const form = formOf(freshPrompt("A portrait"));
  form.set("is_public", "true");
  const created = await api("/generation/generate-v2", {
    method: "POST",
    headers: owner.headers,
    body: form,
  });
  const shown = await stack.waitForEnd(created.body.id, owner.headers);
  await completed(freshPrompt(), owner.headers);
  await stack.makeGeneration(`${freshPrompt()} [[stall]]`, owner.headers, { is_public: true });
  await stack.waitForEnd(
    (await stack.makeGeneration(`${freshPrompt()} [[fail]]`, owner.headers, { is_public: true })).id,
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

test("page numbers of the public list end at 10,000 pictures, and cursors continue", async () => {
  const deep = await api("/generation/public?per_page=100&page=101");
  expect(errorOf(deep)).toMatchObject({ status: 422, code: "validation_failed" });
  expect(deep.body.detail).toMatch(/cursor/);
  expect((await api("/generation/public?per_page=100&page=100")).status).toBe(200);
  for (let count = 0; count < 2; count++) {
    const { id } = await stack.makeGeneration(freshPrompt(), user.headers, { is_public: true });
    await stack.waitForEnd(id, user.headers);
  }
  const { body } = await api("/generation/public?per_page=1");
  expect(body.next_cursor).toEqual(expect.any(String));
  const next = await api(`/generation/public?per_page=100&page=101&cursor=${body.next_cursor}`);
  expect(next.status).toBe(200);
});
