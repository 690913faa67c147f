import { afterAll, beforeAll, expect, inject, test } from "vitest";
import {
  api,
  type Developer,
  type EndUser,
  errorOf,
  registerDeveloper,
  registerEndUser,
} from "../support/api.ts";
import { type Body, freshPrompt, GenerationStack } from "../support/generation.ts";
import { operatorHeaders } from "../support/management.ts";

const stack = new GenerationStack(inject("stack"));
let developer: Developer;
let user: EndUser;
beforeAll(async () => {
  developer = await registerDeveloper();
  user = await registerEndUser(developer.project);
});
afterAll(() => stack.close());

const models = async (headers = user.headers): Promise<Body[]> =>
  (await api("/models", { headers })).body.models;
const ids = (list: Body[]) => list.map(({ id }) => id);

test("GET /models lists the models of the project's plan, and each can be requested", async () => {
  await stack.setPlan(developer.project.id, "free");
  const free = ids(await models());
  expect(free).toContain("black-forest-labs/flux-schnell");
  expect(free).not.toContain("black-forest-labs/flux-kontext-max");
  await stack.setPlan(developer.project.id, "premium");
  const premium = ids(await models());
  expect(premium).toEqual(expect.arrayContaining([...free, "black-forest-labs/flux-kontext-max"]));
  for (const model of premium)
    expect((await stack.sendCreate(freshPrompt(), user.headers, { model })).status).toBe(200);
});

test("each model shows its options with types and limits, and what it is the default for", async () => {
  const found = Object.fromEntries((await models()).map((model) => [model.id, model]));
  expect(found["google/nano-banana"]).toEqual({
    id: "google/nano-banana",
    default_for: ["pictures"],
    max_images: 5,
    options: { aspect_ratio: { type: "string", enum: expect.arrayContaining(["1:1", "16:9"]) } },
  });
  expect(found["black-forest-labs/flux-dev"]?.options).toMatchObject({
    guidance: { type: "number", minimum: 0, maximum: 10 },
    go_fast: { type: "boolean" },
  });
  expect(found["black-forest-labs/flux-schnell"]).toMatchObject({
    default_for: ["words"],
    max_images: 0,
    options: { seed: { type: "integer", minimum: 0, maximum: 2_147_483_647 } },
  });
});

test("GET /models omits a deactivated model, except a default model", async () => {
  await stack.setPlan(developer.project.id, "premium");
  const [other, standard] = ["black-forest-labs/flux-kontext-max", "google/nano-banana"];
  const setActive = (active: boolean) =>
    stack.sql`update public.models set is_active = ${active} where id in (${other}, ${standard})`;
  expect(ids(await models())).toEqual(expect.arrayContaining([other, standard]));
  await setActive(false);
  try {
    const found = ids(await models());
    expect(found).not.toContain(other);
    expect(found).toContain(standard);
  } finally {
    await setActive(true);
  }
});

test("a developer lists the models of a project, and an anonymous caller is refused", async () => {
  const headers = { ...developer.headers, "X-Project-ID": developer.project.id };
  expect(ids(await models(headers))).toEqual(ids(await models()));
  expect(errorOf(await api("/models"))).toMatchObject({ status: 401, code: "not_authenticated" });
  expect(errorOf(await api("/models", { headers: developer.headers }))).toMatchObject({ status: 403 });
});

test("GET /plans shows each plan's limits, marks the current one and shows an unlisted plan only to who has it", async () => {
  await stack.sql`insert into public.plans (id, generations_per_month, is_listed) values ('for-one', 7, false) on conflict do nothing`;
  const plans = async (headers: Record<string, string>): Promise<Body[]> =>
    (await api("/plans", { headers })).body.plans;
  const mine = await plans(developer.headers);
  expect(ids(mine)).toEqual(expect.arrayContaining(["free", "starter", "premium"]));
  expect(ids(mine)).not.toContain("for-one");
  expect(mine.find(({ id }) => id === "starter")).toMatchObject({
    generations_per_month: 1000,
    concurrent_generations: 3,
    projects: 20,
    models: expect.arrayContaining(["bytedance/seedream-4"]),
  });
  expect(mine.filter(({ is_current }) => is_current)).toHaveLength(1);
  await stack.setPlan(developer.project.id, "for-one");
  expect(ids(await plans(developer.headers))).toContain("for-one");
  expect(ids(await plans(operatorHeaders))).toContain("for-one");
  const stranger = await registerDeveloper();
  expect(ids(await plans(stranger.headers))).not.toContain("for-one");
  expect(errorOf(await api("/plans", { headers: user.headers }))).toMatchObject({
    status: 403,
    code: "developers_only",
  });
  expect(errorOf(await api("/plans"))).toMatchObject({ status: 401 });
});
