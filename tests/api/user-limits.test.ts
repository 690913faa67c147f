import { afterAll, beforeEach, describe, expect, inject, test } from "vitest";
import { api, type Developer, type EndUser, registerDeveloper, registerEndUser } from "../support/api.ts";
import { type Body, freshPrompt, GenerationStack } from "../support/generation.ts";
import { until } from "../support/until.ts";

const stack = new GenerationStack(inject("stack"));
afterAll(() => stack.close());

let developer: Developer;
let user: EndUser;
beforeEach(async () => {
  developer = await registerDeveloper();
  await stack.setPlan(developer.project.id, "premium");
  user = await registerEndUser(developer.project);
});

const limit = (json: Body) =>
  api(`/projects/${developer.project.id}`, { method: "PATCH", headers: developer.headers, json });
const grant = (json: Body, id = user.id) =>
  api(`/projects/${developer.project.id}/users/${id}`, { method: "PATCH", headers: developer.headers, json });
const create = (prompt = freshPrompt(), who = user) => stack.sendCreate(prompt, who.headers);
const usage = async (headers = user.headers) => (await api("/generation/usage", { headers })).body;

describe("a project's limits per user", () => {
  test("30 parallel creates of one user make exactly the project's daily limit per user", async () => {
    expect((await limit({ user_generations_per_day: 3 })).body.user_generations_per_day).toBe(3);
    const answers = await Promise.all(Array.from({ length: 30 }, () => create()));
    const refused = answers.filter(({ status }) => status === 429);
    expect([answers.filter(({ status }) => status === 200).length, refused.length]).toEqual([3, 27]);
    expect(new Set(refused.map(({ body }) => body.code))).toEqual(new Set(["user_day_limit_reached"]));
    const wait = Number(refused[0]?.headers.get("retry-after"));
    expect(wait).toBeGreaterThan(0);
    expect(wait).toBeLessThanOrEqual(86_400);
    expect((await usage()).user).toMatchObject({
      used_today: 3,
      day_limit: 3,
      month_limit: null,
      used_this_month: 3,
    });
    // A refused create counts neither for the user nor for the project.
    expect(await stack.chargesOf(developer.project.id)).toBe(3);
    expect((await create(freshPrompt(), await registerEndUser(developer.project))).status).toBe(200);
  });

  test("the monthly limit per user counts all days of the month", async () => {
    await limit({ user_generations_per_month: 5 });
    await stack.sql`insert into private.user_usage (user_id, day, generations)
      select ${user.id}, date_trunc('month', now() at time zone 'utc')::date, 4`;
    const { body } = await create();
    expect(body.status).toBe("pending");
    const refused = await create();
    expect([refused.status, refused.body.code]).toEqual([429, "user_month_limit_reached"]);
    expect(Number(refused.headers.get("retry-after"))).toBeLessThanOrEqual(31 * 86_400);
    expect((await usage()).user).toMatchObject({ used_this_month: 5, month_limit: 5 });
  });

  test("the concurrency limit per user counts running generations", async () => {
    await limit({ user_concurrent: 1 });
    const { body } = await create(`${freshPrompt()} [[stall]]`);
    const refused = await create();
    expect([refused.status, refused.body.code]).toEqual([429, "user_concurrency_limit_reached"]);
    expect((await usage()).user).toMatchObject({ running: 1, concurrent_limit: 1 });
    await api(`/generation/${body.id}/cancel`, { method: "POST", headers: user.headers });
    expect((await create()).status).toBe(200);
  });

  test("a failed generation does not count for the user's day, and a deleted one still counts", async () => {
    await limit({ user_generations_per_day: 2 });
    const { body } = await create(`${freshPrompt()} [[fail]]`);
    await stack.waitForEnd(body.id, user.headers);
    const made = await stack.waitForEnd((await create()).body.id, user.headers);
    await api(`/generation/${made.id}`, { method: "DELETE", headers: user.headers });
    expect((await usage()).user.used_today).toBe(1);
    expect((await create()).status).toBe(200);
    expect((await create()).body.code).toBe("user_day_limit_reached");
  });

  test("a charged cancel counts for the user's day", async () => {
    await stack.sql`insert into public.plans (id, generations_per_month) values ('user-cancels', 30) on conflict do nothing`;
    await stack.setPlan(developer.project.id, "user-cancels");
    await limit({ user_generations_per_day: 5 });
    for (let count = 0; count < 4; count++) {
      const { body } = await create(`${freshPrompt()} [[stall]]`);
      await until(
        "the generation runs",
        () => stack.rowOf(body.id),
        ({ status }) => status === "processing",
      );
      await api(`/generation/${body.id}/cancel`, { method: "POST", headers: user.headers });
    }
    expect((await usage()).user.used_today).toBe(1);
  });

  test.each([
    ["canceled", "POST", "/cancel"],
    ["deleted", "DELETE", ""],
  ])(
    "three running generations of a user's day can be %s and refunded, also without a quota",
    async (_, method, path) => {
      await limit({ user_generations_per_day: 1 });
      for (let count = 0; count < 4; count++) {
        const { body } = await create(`${freshPrompt()} [[stall]]`);
        await until(
          "the generation runs",
          () => stack.rowOf(body.id),
          ({ status }) => status === "processing",
        );
        await api(`/generation/${body.id}${path}`, { method, headers: user.headers });
      }
      expect((await usage()).user.used_today).toBe(1);
      expect((await create()).body.code).toBe("user_day_limit_reached");
    },
  );

  test.each([
    ["day", "user_generations_per_day", 86_400],
    ["month", "user_generations_per_month", 31 * 86_400],
  ])(
    "failed generations of a user's %s that were sent are bounded, also without a quota",
    async (_, field, longest) => {
      await limit({ [field]: 1 });
      await stack.sql`insert into private.user_usage (user_id, day, sent)
      select ${user.id}, (now() at time zone 'utc')::date, 11`;
      const { body } = await create(`${freshPrompt()} [[fail]]`);
      expect((await stack.waitForEnd(body.id, user.headers)).status).toBe("failed");
      const refused = await create();
      expect([refused.status, refused.body.code]).toEqual([429, "user_sent_limit_reached"]);
      expect(refused.body.retry_after).toBeLessThanOrEqual(longest);
      expect((await usage()).user).toMatchObject({ used_today: 0, used_this_month: 0 });
    },
  );

  test("the limits per user do not apply to the developer of the project", async () => {
    await limit({ user_generations_per_day: 1, user_concurrent: 1 });
    const headers = { ...developer.headers, "X-Project-ID": developer.project.id };
    for (let count = 0; count < 3; count++)
      expect((await stack.sendCreate(freshPrompt(), headers)).status).toBe(200);
    expect((await usage(headers)).user).toBeNull();
  });
});

describe("limits that a developer grants one user", () => {
  test("a limit granted to a user replaces the project's limit until it is set to null", async () => {
    await limit({ user_generations_per_day: 1 });
    expect((await grant({ generations_per_day: 3 })).body).toMatchObject({
      is_active: true,
      generations_per_day: 3,
      generations_per_month: null,
      concurrent_generations: null,
    });
    for (let count = 0; count < 3; count++) expect((await create()).status).toBe(200);
    expect((await create()).body.code).toBe("user_day_limit_reached");
    expect((await grant({ generations_per_day: null })).body.generations_per_day).toBeNull();
    expect((await usage()).user.day_limit).toBe(1);
    const { body } = await api(`/projects/${developer.project.id}/users`, { headers: developer.headers });
    expect(body.users[0]).toMatchObject({ id: user.id, generations_per_day: null });
  });

  test("granting a limit does not deactivate a user, and deactivating a user keeps the limit", async () => {
    await grant({ concurrent_generations: 2 });
    expect((await api("/auth/me", { headers: user.headers })).status).toBe(200);
    expect((await grant({ is_active: false })).body).toMatchObject({
      is_active: false,
      concurrent_generations: 2,
    });
    expect((await grant({ generations_per_month: 9 })).body).toMatchObject({ is_active: false });
  });

  test.each([0, -1, 1.5, 1_000_001, "3"])("a limit per user of %j is refused", async (value) => {
    expect((await limit({ user_generations_per_day: value })).status).toBe(422);
    expect((await grant({ concurrent_generations: value })).status).toBe(422);
  });

  test("another developer cannot grant a user limits", async () => {
    const stranger = await registerDeveloper();
    const answer = await api(`/projects/${developer.project.id}/users/${user.id}`, {
      method: "PATCH",
      headers: stranger.headers,
      json: { generations_per_day: 9 },
    });
    expect(answer.status).toBe(404);
  });
});

test("a project can be created with limits per user, and null removes one", async () => {
  const { status, body } = await api("/projects", {
    headers: developer.headers,
    json: {
      name: "Limited",
      user_generations_per_day: 3,
      user_generations_per_month: 30,
      user_concurrent: 1,
    },
  });
  expect([
    status,
    body.user_generations_per_day,
    body.user_generations_per_month,
    body.user_concurrent,
  ]).toEqual([201, 3, 30, 1]);
  const changed = await api(`/projects/${body.id}`, {
    method: "PATCH",
    headers: developer.headers,
    json: { user_concurrent: null },
  });
  expect(changed.body).toMatchObject({ user_concurrent: null, user_generations_per_day: 3 });
});
