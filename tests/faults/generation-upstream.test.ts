import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { api, type EndUser, type Project, registerDeveloper, registerEndUser } from "../support/api.ts";
import { formOf, freshPrompt, GenerationStack } from "../support/generation.ts";
import { until } from "../support/until.ts";

const stack = new GenerationStack(inject("stack"));
afterAll(() => stack.close());

let project: Project;
let user: EndUser;
beforeAll(async () => {
  ({ project } = await registerDeveloper());
  await stack.setPlan(project.id, "premium");
  user = await registerEndUser(project);
});

/** Makes a generation older. */
const age = (id: string, interval: string) => stack.sql`update public.generations
  set created_at = created_at - ${interval}::interval, submitted_at = submitted_at - ${interval}::interval where id = ${id}`;

test.each([
  ["with its webhook", "", false],
  ["without webhooks, from a prompt", " [[lose_webhook]] [[lose_webhook start]]", false],
  ["without webhooks, from a photo", " [[lose_webhook]]", true],
])(
  "a generation completes once and is charged once when the provider drops the connection after accepting it, %s",
  async (_, faults, withPicture) => {
    const prompt = `${freshPrompt()} [[drop]]${faults}`;
    await stack.addFault(prompt, { kind: "lose_webhook", event: "start" });
    const before = await stack.chargesOf(project.id);
    const created = withPicture
      ? await api("/generation/generate-v2", { method: "POST", headers: user.headers, body: formOf(prompt) })
      : await stack.sendCreate(prompt, user.headers);
    expect(created.status).toBe(200);
    const { id } = created.body;
    await until(
      "it was sent",
      async () =>
        (await stack.rowOf(id)).submission !== "submitting" &&
        (await stack.rowOf(id)).submission !== "waiting",
    );
    const done =
      faults === ""
        ? await stack.waitForEnd(id, user.headers)
        : await stack.reconcileUntilEnd(id, user.headers);
    expect(done).toMatchObject({ status: "completed", charged: true });
    expect(await stack.callsAbout(prompt, "create")).toHaveLength(1);
    expect(await stack.chargesOf(project.id)).toBe(before + 1);
    expect(await stack.filesOf(id)).toHaveLength(withPicture ? 2 : 1);
  },
);

test.each([
  ["answers 500", { kind: "refuse", status: 500 }],
  ["answers 503", { kind: "refuse", status: 503 }],
  ["cuts the connection before it accepts the request", { kind: "reset" }],
])(
  "a generation fails uncharged and is not sent again when the provider %s and its list shows no prediction",
  async (_, fault) => {
    const prompt = freshPrompt();
    await stack.addFault(prompt, fault, 1);
    const before = await stack.chargesOf(project.id);
    const { id } = await stack.makeGeneration(prompt, user.headers);
    await until(
      "the outcome is unclear",
      () => stack.rowOf(id),
      ({ submission }) => submission === "unclear",
    );
    await stack.makeDue(id);
    await stack.reconcile();
    expect((await stack.readStatus(id, user.headers)).body.status).toBe("pending");
    await age(id, "16 minutes");
    expect(await stack.reconcileUntilEnd(id, user.headers)).toMatchObject({
      status: "failed",
      error_code: "submission_unclear",
      charged: false,
    });
    expect(await stack.callsAbout(prompt, "create")).toHaveLength(1);
    expect(await stack.chargesOf(project.id)).toBe(before);
  },
);

test("a create that the provider rate-limits is sent again after the wait, and makes one prediction and one charge", async () => {
  const prompt = freshPrompt();
  await stack.addFault(prompt, { kind: "refuse", status: 429, retry_after: 1 }, 2);
  const before = await stack.chargesOf(project.id);
  const { id } = await stack.makeGeneration(prompt, user.headers);
  expect(await stack.reconcileUntilEnd(id, user.headers)).toMatchObject({
    status: "completed",
    charged: true,
  });
  const calls = await stack.callsAbout(prompt, "create");
  expect(calls.map(({ status }) => status)).toEqual([429, 429, 201]);
  expect(await stack.chargesOf(project.id)).toBe(before + 1);
});

test.each([402, 422])(
  "a generation that the provider refuses with %d fails at once, is not charged and is not sent again",
  async (status) => {
    const prompt = freshPrompt();
    await stack.addFault(prompt, { kind: "refuse", status });
    const { id } = await stack.makeGeneration(prompt, user.headers);
    expect(await stack.waitForEnd(id, user.headers)).toMatchObject({
      status: "failed",
      error_code: "provider_refused",
      charged: false,
      error: expect.stringContaining("not charged"),
    });
    await stack.reconcile();
    expect(await stack.callsAbout(prompt, "create")).toHaveLength(1);
  },
);

test.each([
  ["nsfw", "content_blocked"],
  ["fail", "prediction_failed"],
  ["file_gone", "output_lost"],
  ["file_huge", "output_invalid"],
  ["file_not_image", "output_invalid"],
])(
  "a generation that ends by the fault `%s` fails with %s, is not charged, and leaves no file",
  async (fault, code) => {
    const before = await stack.chargesOf(project.id);
    const { id } = await stack.makeGeneration(`${freshPrompt()} [[${fault}]]`, user.headers);
    expect(await stack.waitForEnd(id, user.headers)).toMatchObject({
      status: "failed",
      error_code: code,
      charged: false,
      generated_image_url: null,
    });
    expect(await stack.chargesOf(project.id)).toBe(before);
    expect((await stack.rowOf(id)).predict_seconds).toBeGreaterThan(0);
    expect(await stack.filesOf(id)).toEqual([]);
  },
);

test("the reconciler completes a generation whose prediction could not be read when its webhook arrived", async () => {
  const { id } = await stack.makeGeneration(`${freshPrompt()} [[wrong_get 2]]`, user.headers);
  expect(await stack.reconcileUntilEnd(id, user.headers)).toMatchObject({ status: "completed" });
});

test("a generation whose prediction never ends is canceled after an hour and not charged", async () => {
  const { id } = await stack.makeGeneration(`${freshPrompt()} [[stall]]`, user.headers);
  const { prediction_id } = await until(
    "it is submitted",
    () => stack.rowOf(id),
    (row) => row.prediction_id !== null,
  );
  await age(id, "61 minutes");
  expect(await stack.reconcileUntilEnd(id, user.headers)).toMatchObject({
    status: "failed",
    error_code: "timed_out",
    charged: false,
  });
  expect(await stack.callsAbout(prediction_id, "cancel")).toHaveLength(1);
});

test.each([
  ["canceled", "POST", "/cancel"],
  ["deleted", "DELETE", ""],
])(
  "a generation that is %s during its request is canceled at the provider, and is not charged",
  async (_, method, rest) => {
    const prompt = `${freshPrompt()} [[hold 1500]] [[stall]]`;
    const before = await stack.chargesOf(project.id);
    const { id } = await stack.makeGeneration(prompt, user.headers);
    await until(
      "the provider has the request",
      () => stack.callsAbout(prompt, "create"),
      ({ length }) => length === 1,
    );
    expect((await api(`/generation/${id}${rest}`, { method, headers: user.headers })).status).toBe(200);
    await until("it is canceled at the provider", async () => {
      await stack.sql`update private.cleanup_tasks set next_attempt_at = now() where generation_id = ${id}`;
      await stack.reconcile();
      return (await stack.callsAbout(prompt, "cancel")).length > 0;
    });
    expect(await stack.chargesOf(project.id)).toBe(before);
  },
);

test.each([
  ["canceled", "POST", "/cancel"],
  ["deleted", "DELETE", ""],
])(
  "a generation that is %s while its outcome is unclear is found and canceled at the provider, without webhooks",
  async (_, method, rest) => {
    const prompt = `${freshPrompt()} [[drop]] [[stall]] [[lose_webhook]] [[lose_webhook]]`;
    await stack.addFault(prompt, { kind: "lose_webhook", event: "start" });
    const { id } = await stack.makeGeneration(prompt, user.headers);
    const { prediction_id } = await until(
      "it runs",
      async () => (await stack.callsAbout(prompt, "create"))[0],
    );
    await until(
      "its outcome is unclear",
      () => stack.rowOf(id),
      ({ submission }) => submission === "unclear",
    );
    expect((await api(`/generation/${id}${rest}`, { method, headers: user.headers })).status).toBe(200);
    await until("it is canceled at the provider", async () => {
      await stack.sql`update private.cleanup_tasks set next_attempt_at = now() where generation_id = ${id}`;
      await stack.reconcile();
      return (await stack.callsAbout(prediction_id, "cancel")).length > 0;
    });
    expect(await stack.sql`select 1 from private.cleanup_tasks where generation_id = ${id}`).toHaveLength(0);
  },
);

test("the search for a canceled generation with an unclear outcome ends after 15 minutes", async () => {
  const prompt = freshPrompt();
  await stack.addFault(prompt, { kind: "refuse", status: 500 }, 1);
  const { id } = await stack.makeGeneration(prompt, user.headers);
  await until(
    "its outcome is unclear",
    () => stack.rowOf(id),
    ({ submission }) => submission === "unclear",
  );
  await api(`/generation/${id}/cancel`, { method: "POST", headers: user.headers });
  const left = async (age: string) => {
    await stack.sql`update private.cleanup_tasks set next_attempt_at = now(), target = (now() - ${age}::interval)::text
      where generation_id = ${id}`;
    await stack.reconcile();
    return stack.sql`select kind from private.cleanup_tasks where generation_id = ${id}`;
  };
  expect([...(await left("14 minutes"))]).toEqual([{ kind: "submission" }]);
  expect(await left("16 minutes")).toHaveLength(0);
});

test("three simultaneous reconcilers complete, store and charge each generation once", async () => {
  const prompts = Array.from({ length: 10 }, () => `${freshPrompt()} [[lose_webhook]]`);
  const before = await stack.chargesOf(project.id);
  const { project: other } = await registerDeveloper();
  await stack.setPlan(other.id, "premium");
  const person = await registerEndUser(other);
  const ids: string[] = [];
  for (const prompt of prompts) ids.push((await stack.makeGeneration(prompt, person.headers)).id);
  await until("all are completed", async () => {
    await stack.makeDue(...ids);
    await Promise.all([stack.reconcile(), stack.reconcile(), stack.reconcile()]);
    const rows =
      await stack.sql`select 1 from public.generations where id in ${stack.sql(ids)} and status = 'completed'`;
    return rows.length === ids.length;
  });
  for (const [index, id] of ids.entries()) {
    expect(await stack.callsAbout(prompts[index] ?? "", "create")).toHaveLength(1);
    expect(await stack.filesOf(id)).toHaveLength(1);
    const ends =
      await stack.sql`select 1 from public.generation_events where generation_id = ${id} and kind = 'completed'`;
    expect(ends).toHaveLength(1);
  }
  expect(await stack.chargesOf(other.id)).toBe(10);
  expect(await stack.chargesOf(project.id)).toBe(before);
});

test("the reconciler answers 401 without its secret and with a wrong one", async () => {
  for (const headers of [{}, { Authorization: "Bearer wrong" }] as Record<string, string>[]) {
    const answer = await api("/internal/reconcile", { method: "POST", headers });
    expect([answer.status, answer.body.code]).toEqual([401, "invalid_cron_secret"]);
  }
});
