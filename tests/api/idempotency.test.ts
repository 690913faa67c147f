import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import {
  api,
  type EndUser,
  errorOf,
  type Project,
  registerDeveloper,
  registerEndUser,
} from "../support/api.ts";
import { formOf, freshPrompt, GenerationStack, photo } from "../support/generation.ts";

const stack = new GenerationStack(inject("stack"));
afterAll(() => stack.close());

let project: Project;
let user: EndUser;
beforeAll(async () => {
  ({ project } = await registerDeveloper());
  await stack.setPlan(project.id, "premium");
  user = await registerEndUser(project);
});

const keyed = (key: string, headers = user.headers) => ({ ...headers, "Idempotency-Key": key });

test("50 parallel creates with one idempotency key make one generation and 50 equal answers, 49 of them replayed", async () => {
  const [key, prompt] = [randomUUID(), freshPrompt()];
  const before = await stack.chargesOf(project.id);
  const answers = await Promise.all(
    Array.from({ length: 50 }, () =>
      api("/generation/generate-v2", { method: "POST", headers: keyed(key), body: formOf(prompt) }),
    ),
  );
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  expect(new Set(answers.map(({ body }) => JSON.stringify(body))).size).toBe(1);
  const replayed = answers.filter(({ headers }) => headers.get("idempotent-replayed") === "true");
  expect(replayed).toHaveLength(49);
  const rows = await stack.sql`select id from public.generations where instructions = ${prompt}`;
  expect(rows).toHaveLength(1);
  expect(await stack.chargesOf(project.id)).toBe(before + 1);
  await stack.waitForEnd(answers[0]?.body.id, user.headers);
  expect(await stack.callsAbout(prompt, "create")).toHaveLength(1);
  expect(await stack.filesOf(answers[0]?.body.id)).toHaveLength(2);
});

test.each([
  ["another prompt", () => formOf(freshPrompt())],
  ["another picture", (prompt: string) => formOf(prompt, [photo(11)])],
  ["one more picture", (prompt: string) => formOf(prompt, [photo(), photo()])],
])("an idempotency key used again with %s is refused", async (_, other) => {
  const [key, prompt] = [randomUUID(), freshPrompt()];
  const send = (body: FormData) =>
    api("/generation/generate-v2", { method: "POST", headers: keyed(key), body });
  expect((await send(formOf(prompt))).status).toBe(200);
  expect(errorOf(await send(other(prompt)))).toMatchObject({ status: 422, code: "idempotency_key_reused" });
});

test("the same idempotency key of another user is independent", async () => {
  const [key, prompt] = [randomUUID(), freshPrompt()];
  const other = await registerEndUser(project);
  const mine = await stack.makeGeneration(prompt, keyed(key));
  const theirs = await stack.makeGeneration(freshPrompt(), keyed(key, other.headers));
  expect(theirs.id).not.toBe(mine.id);
});

test("an idempotency key is kept for 24 hours", async () => {
  const [key, prompt] = [randomUUID(), freshPrompt()];
  const first = await stack.makeGeneration(prompt, keyed(key));
  const age = (interval: string) =>
    stack.sql`update private.idempotency_keys set created_at = now() - ${interval}::interval where generation_id = ${first.id}`;
  await age("23 hours 59 minutes");
  expect((await stack.makeGeneration(prompt, keyed(key))).id).toBe(first.id);
  await age("24 hours 1 minute");
  const second = await stack.sendCreate(prompt, keyed(key));
  expect(second.status).toBe(200);
  expect(second.body.id).not.toBe(first.id);
  expect(second.headers.get("idempotent-replayed")).toBeNull();
});

test("an idempotency key replays its answer after the generation was deleted", async () => {
  const [key, prompt] = [randomUUID(), freshPrompt()];
  const first = await stack.makeGeneration(prompt, keyed(key));
  await api(`/generation/${first.id}`, { method: "DELETE", headers: user.headers });
  expect((await stack.makeGeneration(prompt, keyed(key))).id).toBe(first.id);
  expect(await stack.sql`select 1 from public.generations where instructions = ${prompt}`).toHaveLength(0);
});

test("a refused create does not use up its idempotency key", async () => {
  const own = await registerDeveloper();
  await stack.setPlan(own.project.id, "free");
  const endUser = await registerEndUser(own.project);
  const key = randomUUID();
  const prompt = freshPrompt();
  const running = await stack.makeGeneration(`${freshPrompt()} [[stall]]`, endUser.headers);
  const refused = await stack.sendCreate(prompt, keyed(key, endUser.headers));
  expect(errorOf(refused)).toMatchObject({ status: 429, code: "concurrency_limit_reached" });
  await api(`/generation/${running.id}/cancel`, { method: "POST", headers: endUser.headers });
  const { status, headers } = await stack.sendCreate(prompt, keyed(key, endUser.headers));
  expect([status, headers.get("idempotent-replayed")]).toEqual([200, null]);
});

test("a duplicate gets 409 while the first create still runs, and takes over its key once the lock has expired", async () => {
  const [key, prompt] = [randomUUID(), freshPrompt()];
  const first = await stack.makeGeneration(prompt, keyed(key));
  const lockFor = (interval: string) => stack.sql`update private.idempotency_keys
    set response = null, locked_until = now() + ${interval}::interval where generation_id = ${first.id}`;
  await lockFor("1 minute");
  const refused = await stack.sendCreate(prompt, keyed(key));
  expect(errorOf(refused)).toMatchObject({ status: 409, code: "idempotency_key_in_use" });
  expect(refused.headers.get("retry-after")).toBe("2");
  await lockFor("-1 second");
  const taken = await stack.sendCreate(prompt, keyed(key));
  expect(taken.status).toBe(200);
  expect(taken.body.id).not.toBe(first.id);
});

test.each(["with space", "ä".repeat(3), "x".repeat(256)])(
  "the idempotency key %j is refused",
  async (key) => {
    const answer = await api("/generation/generate-v2", {
      headers: { ...user.headers, "Idempotency-Key": Buffer.from(key, "utf8").toString("latin1") },
      json: { prompt: freshPrompt() },
    });
    expect(errorOf(answer)).toMatchObject({ status: 422, code: "validation_failed" });
  },
);
