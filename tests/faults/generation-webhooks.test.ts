import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Webhook } from "standardwebhooks";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import {
  api,
  type EndUser,
  errorOf,
  type Project,
  registerDeveloper,
  registerEndUser,
} from "../support/api.ts";
import { type Body, freshPrompt, GenerationStack } from "../support/generation.ts";
import { until } from "../support/until.ts";

const stack = new GenerationStack(inject("stack"));
const { logs = "" } = inject("stack");
const { replicate_webhook_secret = "" } = inject("stack").keys;
afterAll(() => stack.close());

let project: Project;
let user: EndUser;
beforeAll(async () => {
  ({ project } = await registerDeveloper());
  await stack.setPlan(project.id, "premium");
  user = await registerEndUser(project);
});

/** Delivers a webhook that is signed as Replicate signs, with any time and secret. */
function deliver(
  generationId: string,
  body: Body,
  { at = new Date(), secret = replicate_webhook_secret, id = `msg_${randomUUID()}` } = {},
) {
  const payload = JSON.stringify(body);
  return api(`/generation/webhooks/replicate?generation_id=${generationId}`, {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      "webhook-id": id,
      "webhook-timestamp": String(Math.floor(at.getTime() / 1000)),
      "webhook-signature": new Webhook(secret).sign(id, at, payload),
    },
    body: payload,
  });
}

const isSubmitted = ({ prediction_id }: Body) => prediction_id !== null;

const statesOf = async (id: string) => {
  const rows = await stack.sql`select kind from public.generation_events
    where generation_id = ${id} and webhook_id is null order by id`;
  return rows.map(({ kind }) => kind);
};

/** The attempts to deliver the webhook that a prediction has ended, once they have happened. */
async function finalWebhooks(id: string, count: number): Promise<Body[]> {
  const { prediction_id } = await until("it is submitted", () => stack.rowOf(id), isSubmitted);
  return until(
    "every webhook was tried",
    async () => (await stack.webhooksAbout(prediction_id)).filter(({ event }) => event === "completed"),
    (sent) => sent.length >= count && sent.every(({ fault, status }) => fault === "lost" || status !== null),
  );
}

async function expectCompletedOnce(id: string, prompt: string, done: Body): Promise<void> {
  expect(done, JSON.stringify(done)).toMatchObject({ status: "completed", charged: true });
  const after = (await stack.readStatus(id, user.headers)).body;
  expect(after).toEqual({ ...done, generated_image_url: after.generated_image_url, images: after.images });
  expect(await statesOf(id)).toEqual(["pending", "processing", "completed"]);
  expect(await stack.filesOf(id)).toHaveLength(1);
  expect(await stack.callsAbout(prompt, "create")).toHaveLength(1);
}

test.each([
  ["late", "[[delay_webhook 2500]]", 1],
  ["sent five times at once", "[[duplicate_webhook 4]]", 5],
])("a generation whose webhook is %s completes, is stored and is charged once", async (_, fault, count) => {
  const prompt = `${freshPrompt()} ${fault}`;
  const before = await stack.chargesOf(project.id);
  const { id } = await stack.makeGeneration(prompt, user.headers);
  const done = await stack.waitForEnd(id, user.headers);
  const sent = await finalWebhooks(id, count);
  expect(sent.map(({ status }) => status)).toEqual(Array(count).fill(200));
  await expectCompletedOnce(id, prompt, done);
  expect(await stack.chargesOf(project.id)).toBe(before + 1);
});

test("a generation whose webhooks arrive out of order completes, is stored and is charged once", async () => {
  const prompt = `${freshPrompt()} [[reorder_webhooks]]`;
  const before = await stack.chargesOf(project.id);
  const { id } = await stack.makeGeneration(prompt, user.headers);
  const done = await stack.waitForEnd(id, user.headers);
  const { prediction_id } = await stack.rowOf(id);
  const sent = await until(
    "both webhooks were tried",
    () => stack.webhooksAbout(prediction_id),
    (found) => found.length === 2 && found.every(({ status }) => status !== null),
  );
  expect(sent.map(({ event }) => event)).toEqual(["completed", "start"]);
  await expectCompletedOnce(id, prompt, done);
  expect(await stack.chargesOf(project.id)).toBe(before + 1);
});

test.each([
  ["lost", "[[lose_webhook]]", null],
  ["forged", "[[forge_webhook]]", 401],
  ["an hour old", "[[stale_webhook 3600]]", 401],
  ["a year old", "[[stale_webhook 31536000]]", 401],
])(
  "the reconciler completes, stores and charges a generation once whose webhook is %s",
  async (_, fault, status) => {
    const prompt = `${freshPrompt()} ${fault}`;
    const before = await stack.chargesOf(project.id);
    const { id } = await stack.makeGeneration(prompt, user.headers);
    expect(await finalWebhooks(id, 1)).toMatchObject([{ status }]);
    expect((await stack.rowOf(id)).completed_at).toBeNull();
    const done = await stack.reconcileUntilEnd(id, user.headers);
    await expectCompletedOnce(id, prompt, done);
    expect(await stack.chargesOf(project.id)).toBe(before + 1);
  },
);

test("a webhook that arrives after the reconciler changes nothing", async () => {
  const prompt = `${freshPrompt()} [[lose_webhook]]`;
  const before = await stack.chargesOf(project.id);
  const { id } = await stack.makeGeneration(prompt, user.headers);
  const done = await stack.reconcileUntilEnd(id, user.headers);
  const { prediction_id } = await stack.rowOf(id);
  const reads = (await stack.callsAbout(prediction_id, "get")).length;
  expect((await deliver(id, { id: prediction_id, status: "succeeded" })).status).toBe(200);
  await until(
    "it is read",
    () => stack.callsAbout(prediction_id, "get"),
    ({ length }) => length > reads,
  );
  await expectCompletedOnce(id, prompt, done);
  expect(await stack.chargesOf(project.id)).toBe(before + 1);
});

test("a webhook with a wrong signature, a wrong time or no signature is 401 and changes nothing", async () => {
  const { id } = await stack.makeGeneration(`${freshPrompt()} [[stall]]`, user.headers);
  const body = { id: "abc", status: "succeeded", output: "http://127.0.0.1/x.png" };
  const sent = { id: `msg_${randomUUID()}` };
  const answers = [
    await deliver(id, body, {
      ...sent,
      secret: `whsec_${Buffer.from("somebody else's secret").toString("base64")}`,
    }),
    await deliver(id, body, { ...sent, at: new Date(Date.now() - 6 * 60_000) }),
    await deliver(id, body, { ...sent, at: new Date(Date.now() - 365 * 86_400_000) }),
    await deliver(id, body, { ...sent, at: new Date(Date.now() + 6 * 60_000) }),
    await api(`/generation/webhooks/replicate?generation_id=${id}`, { method: "POST", json: body }),
  ];
  for (const answer of answers) {
    expect(errorOf(answer)).toMatchObject({ status: 401, code: "invalid_webhook_signature" });
  }
  expect(await stack.sql`select 1 from public.generation_events where webhook_id = ${sent.id}`).toHaveLength(
    0,
  );
  expect(["pending", "processing"]).toContain((await stack.readStatus(id, user.headers)).body.status);
});

test("the API reads the prediction itself instead of trusting the body of a signed webhook", async () => {
  const { id } = await stack.makeGeneration(`${freshPrompt()} [[slow 6000]]`, user.headers);
  const { prediction_id } = await until("it is submitted", () => stack.rowOf(id), isSubmitted);
  const webhookId = `msg_${randomUUID()}`;
  const answer = await deliver(id, { id: prediction_id, status: "canceled" }, { id: webhookId });
  expect(answer.status).toBe(200);
  expect(await stack.waitForEnd(id, user.headers)).toMatchObject({ status: "completed" });
  // The webhook came first. Had the API trusted it, the generation would be canceled.
  const events = await stack.sql`select kind, webhook_id from public.generation_events
    where generation_id = ${id} order by id`;
  const ours = events.findIndex(({ webhook_id }) => webhook_id === webhookId);
  const end = events.findIndex(({ kind, webhook_id }) => kind === "completed" && webhook_id === null);
  expect(ours).toBeGreaterThanOrEqual(0);
  expect(ours).toBeLessThan(end);
});

test("a signed webhook about one prediction cannot end another generation", async () => {
  const { id } = await stack.makeGeneration(freshPrompt(), user.headers);
  const done = await stack.waitForEnd(id, user.headers);
  const { prediction_id } = await stack.rowOf(done.id);
  const prompt = freshPrompt();
  await stack.addFault(prompt, { kind: "refuse", status: 500 }, 1);
  const unclear = await stack.makeGeneration(prompt, user.headers);
  await until(
    "its outcome is unclear",
    () => stack.rowOf(unclear.id),
    ({ submission }) => submission === "unclear",
  );
  expect((await deliver(unclear.id, { id: prediction_id, status: "succeeded" })).status).toBe(200);
  await until("the API has refused it", () =>
    readFileSync(join(logs, "function-api.log"), "utf8")
      .split("\n")
      .some((line) => line.includes("a webhook names another prediction") && line.includes(unclear.id)),
  );
  expect(await stack.rowOf(unclear.id)).toMatchObject({ prediction_id: null, status: "pending" });
});

test("a signed webhook about an ended generation changes nothing", async () => {
  const done = await stack.waitForEnd(
    (await stack.makeGeneration(freshPrompt(), user.headers)).id,
    user.headers,
  );
  const row = await stack.rowOf(done.id);
  for (const status of ["processing", "failed", "canceled", "succeeded"]) {
    expect((await deliver(done.id, { id: row.prediction_id, status })).status).toBe(200);
  }
  await until(
    "each was processed",
    () => stack.callsAbout(row.prediction_id, "get"),
    ({ length }) => length >= 5,
  );
  expect(await stack.rowOf(done.id)).toEqual(row);
  expect(await statesOf(done.id)).toEqual(["pending", "processing", "completed"]);
});

test("a webhook about a deleted generation is accepted, and its prediction is canceled", async () => {
  const prompt = `${freshPrompt()} [[drop]] [[stall]]`;
  await stack.addFault(prompt, { kind: "lose_webhook", event: "start" });
  const { id } = await stack.makeGeneration(prompt, user.headers);
  const { prediction_id } = await until("it runs", async () => (await stack.callsAbout(prompt, "create"))[0]);
  await until(
    "its outcome is unclear",
    () => stack.rowOf(id),
    ({ submission }) => submission === "unclear",
  );
  expect((await api(`/generation/${id}`, { method: "DELETE", headers: user.headers })).status).toBe(200);
  expect((await deliver(id, { id: prediction_id, status: "processing" })).status).toBe(200);
  await until(
    "it is canceled",
    () => stack.callsAbout(prediction_id, "cancel"),
    ({ length }) => length > 0,
  );
});

test("ids of webhooks are deleted after seven days, and the history of states is kept", async () => {
  const done = await stack.waitForEnd(
    (await stack.makeGeneration(freshPrompt(), user.headers)).id,
    user.headers,
  );
  await until(
    "a webhook was recorded",
    () =>
      stack.sql`select 1 from public.generation_events where generation_id = ${done.id} and webhook_id is not null`,
    ({ length }) => length > 0,
  );
  await stack.sql`update public.generation_events set created_at = now() - interval '8 days' where generation_id = ${done.id}`;
  await stack.reconcile();
  const left =
    await stack.sql`select webhook_id from public.generation_events where generation_id = ${done.id}`;
  expect(left.map(({ webhook_id }) => webhook_id)).toEqual([null, null, null]);
});
