import { randomUUID } from "node:crypto";
import { afterAll, beforeEach, expect, inject, test } from "vitest";
import { api, errorOf, registerDeveloper, registerEndUser } from "../support/api.ts";
import { fuzz } from "../support/fuzz/fuzz.ts";
import { fuzzTarget } from "../support/fuzz/target.ts";
import { formOf, freshPrompt, GenerationStack } from "../support/generation.ts";
import { limitHeadersOf } from "../support/limits.ts";
import { lockAnonymousLimits } from "../support/lock-anonymous-limits.ts";
import { until } from "../support/until.ts";

const { urls } = inject("stack");
const stack = new GenerationStack(inject("stack"));
afterAll(() => stack.close());
lockAnonymousLimits();
beforeEach(async () => {
  await stack.sql`delete from private.anonymous_usage where day < '3000-01-01'`;
});

const create = (prompt = freshPrompt(), base = urls.api) =>
  api(`${base}/generation/generate-anonymous-v2`, { method: "POST", body: formOf(prompt) });
const statusOf = (id: string, wait = 0) =>
  api(`/generation/anonymous-generations-v2/${id}/status?wait=${wait}`);

test("an anonymous caller can generate a picture, which only its id opens", async () => {
  const { status, body } = await create();
  expect(status).toBe(200);
  expect(body).toMatchObject({ status: "pending", is_public: false, example_images: [expect.any(String)] });
  const done = await statusOf(body.id, 25);
  expect(done.body).toMatchObject({ status: "completed", error: null });
  for (const address of [done.body.generated_image_url, ...done.body.example_images]) {
    expect((await fetch(address)).headers.get("content-type")).toBe("image/png");
  }
  const { project } = await registerDeveloper();
  const user = await registerEndUser(project);
  expect(errorOf(await stack.readStatus(body.id, user.headers))).toMatchObject({ status: 404 });
  const everybody = await api("/generation/public?per_page=100");
  expect(JSON.stringify(everybody.body)).not.toContain(body.id);
});

test("an IP address gets ten anonymous generations a day, with parallel creates too, and then 429", async () => {
  const answers = await Promise.all(Array.from({ length: 14 }, () => create(`${freshPrompt()} [[fail]]`)));
  const statuses = answers.map(({ status }) => status).sort();
  expect(statuses).toEqual([...Array(10).fill(200), ...Array(4).fill(429)]);
  const late = await create();
  expect(errorOf(late)).toMatchObject({ status: 429, code: "anonymous_limit_reached" });
  const wait = Number(late.headers.get("retry-after"));
  expect(wait).toBeGreaterThan(0);
  expect(wait).toBeLessThanOrEqual(86_400);
});

test("five refused anonymous uploads count as one generation of the day", async () => {
  const drawing = new Blob(["<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"]);
  const refused = async () => {
    const body = formOf(freshPrompt(), [drawing]);
    return (await api("/generation/generate-anonymous-v2", { method: "POST", body })).status;
  };
  expect([await refused(), await refused()]).toEqual([415, 415]);
  await stack.sql`update private.anonymous_usage set refused = 49 where client <> '*' and day < '3000-01-01'`;
  expect(await refused()).toBe(415);
  expect(errorOf(await create())).toMatchObject({ status: 429, code: "anonymous_limit_reached" });
});

test("answers to anonymous creates carry the remaining generations of the day", async () => {
  const answers = [await create(), await create()];
  await stack.sql`update private.anonymous_usage set generations = 10 where client <> '*' and day < '3000-01-01'`;
  answers.push(await create());
  expect(answers.map(({ headers }) => limitHeadersOf(headers).remaining)).toEqual([9, 8, 0]);
  for (const { headers } of answers) {
    expect(headers.get("ratelimit-policy")).toBe('"anonymous";q=10;w=86400');
    expect(limitHeadersOf(headers).limit).toBe(10);
  }
  expect(answers[2]?.headers.get("ratelimit")).toContain(`t=${answers[2]?.headers.get("retry-after")}`);
});

test("anonymous creates are refused once the global budget of the day is used up", async () => {
  await stack.sql`insert into private.anonymous_usage values ((now() at time zone 'utc')::date, '*', 500)`;
  expect(errorOf(await create())).toMatchObject({ status: 429, code: "anonymous_budget_reached" });
});

test("anonymous usage stores no IP address", async () => {
  await create();
  const rows =
    await stack.sql`select client from private.anonymous_usage where day < '3000-01-01' order by 1`;
  expect(rows.map(({ client }) => client)).toEqual(["*", expect.stringMatching(/^[\w-]{43}$/)]);
});

test("an expired anonymous generation answers 404, and its files are deleted", async () => {
  const { body } = await create();
  const done = await statusOf(body.id, 25);
  expect(await stack.filesOf(body.id)).toHaveLength(2);
  await stack.sql`update public.generations set expires_at = now() - interval '1 second' where id = ${body.id}`;
  expect(errorOf(await statusOf(body.id))).toMatchObject({ status: 404, code: "generation_not_found" });
  expect((await api(done.body.generated_image_url)).status).toBe(404);
  await until("the files are gone", async () => {
    await stack.sql`update private.cleanup_tasks set next_attempt_at = now() where generation_id = ${body.id}`;
    await stack.reconcile();
    return (await stack.filesOf(body.id)).length === 0;
  });
});

test("random anonymous creates never get a 5xx, an undocumented answer or no answer", async () => {
  const { failures, requests } = await fuzz({
    target: fuzzTarget(inject("stack")),
    seed: Number(process.env.FUZZ_SEED ?? 20_261_124),
    runs: 40,
    within_ms: 2_000,
    only: ({ id }) => id === "generations.createAnonymous",
  });
  expect(failures).toEqual([]);
  expect(requests).toBeGreaterThanOrEqual(4);
});

test("the status of an anonymous generation answers 404 for an unknown id and 422 for an invalid one", async () => {
  expect(errorOf(await statusOf(randomUUID()))).toMatchObject({ status: 404, code: "generation_not_found" });
  expect(errorOf(await statusOf("not-an-id"))).toMatchObject({ status: 422 });
});

test("an anonymous create refuses other models and an invalid API key", async () => {
  const model = await api("/generation/generate-anonymous-v2", {
    json: { prompt: freshPrompt(), model: "google/nano-banana" },
  });
  expect(errorOf(model)).toMatchObject({ status: 403, code: "model_not_allowed" });
  const wrong = await api("/generation/generate-anonymous-v2", {
    headers: { "X-API-Key": "ak_wrong" },
    json: { prompt: freshPrompt() },
  });
  expect(errorOf(wrong)).toMatchObject({ status: 403, code: "api_key_invalid" });
});
