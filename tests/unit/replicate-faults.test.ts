import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { Webhook } from "standardwebhooks";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import type { FaultRule } from "../../scripts/local/replicate/faults.ts";
import { type ReplicateServer, startReplicate } from "../../scripts/local/replicate/server.ts";
import { until } from "../support/until.ts";

vi.setConfig({ testTimeout: 20_000 });

const secret = "whsec_bG9jYWwtd2ViaG9vay1zZWNyZXQ=";
const createPath = "/v1/models/google/nano-banana/predictions";

type Received = { headers: Record<string, string>; body: string; status: string };

let replicate: ReplicateServer;
let receiver: Server;
let receiverUrl: string;
/** Each test has its own address, so that a late webhook of another test is not counted. */
let hook: string;
let tests = 0;
let received: Received[] = [];
/** Statuses of the receiver's next answers; 200 once the list is empty. */
let answers: number[] = [];

beforeAll(async () => {
  replicate = await startReplicate({
    token: "token",
    webhookSecret: secret,
    predictionMs: 10,
    webhookRetryMs: [20, 20, 20],
  });
  receiver = createServer(async (request, response) => {
    const body = await text(request);
    if (!hook.endsWith(request.url ?? "")) return void response.end();
    const headers = request.headers as Record<string, string>;
    received.push({ headers, body, status: JSON.parse(body).status });
    response.writeHead(answers.shift() ?? 200).end();
  });
  await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
  receiverUrl = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`;
});

beforeEach(() => {
  tests += 1;
  hook = `${receiverUrl}/hook?generation_id=${tests}`;
  received = [];
  answers = [];
});

afterEach(async () => {
  expect((await fetch(`${replicate.url}/_faults`, { method: "DELETE" })).status).toBe(204);
});

afterAll(async () => {
  await replicate.close();
  receiver.closeAllConnections();
  await new Promise((resolve) => receiver.close(resolve));
});

async function text(request: IncomingMessage): Promise<string> {
  let body = "";
  for await (const part of request) body += part;
  return body;
}

async function addFault(rule: FaultRule): Promise<void> {
  const response = await fetch(`${replicate.url}/_faults`, { method: "POST", body: JSON.stringify(rule) });
  expect(response.status).toBe(201);
}

const headers = { authorization: "Bearer token", Prefer: "wait" };

function create(prompt: string, more: object = {}): Promise<Response> {
  const body = JSON.stringify({ input: { prompt, width: 64, height: 64 }, ...more });
  return fetch(replicate.url + createPath, { method: "POST", headers, body });
}

async function made(prompt: string, events = ["completed"]) {
  const response = await create(prompt, { webhook: hook, webhook_events_filter: events });
  expect(response.status).toBe(201);
  return response.json();
}

const read = (id: string) => fetch(`${replicate.url}/v1/predictions/${id}`, { headers });
const log = async (name: "_calls" | "_webhooks", match: string) =>
  (await fetch(`${replicate.url}/${name}?match=${encodeURIComponent(match)}`)).json();
const arrived = (count: number) =>
  until(
    `${count} webhooks arrive`,
    () => received,
    ({ length }) => length >= count,
  );
const verify = ({ body, headers }: Received) => new Webhook(secret).verify(body, headers);

test("the look-alike of Replicate sends signed webhooks for start, output and completion, in this order", async () => {
  const prediction = await made("orderly", ["start", "output", "completed"]);
  await arrived(3);
  expect(received.map(({ status }) => status)).toEqual(["processing", "processing", "succeeded"]);
  for (const message of received) expect(verify(message)).toMatchObject({ id: prediction.id });
  expect(verify(received[2] as Received)).toEqual(prediction);
  expect(new Set(received.map(({ headers }) => headers["webhook-id"])).size).toBe(3);
});

test("a canceled prediction sends its final webhook", async () => {
  const running = await fetch(replicate.url + createPath, {
    method: "POST",
    headers: { authorization: "Bearer token" },
    body: JSON.stringify({
      input: { prompt: "[[stall]] canceled" },
      webhook: hook,
      webhook_events_filter: ["completed"],
    }),
  });
  const { urls } = await running.json();
  await fetch(urls.cancel, { method: "POST", headers });
  await arrived(1);
  expect(verify(received[0] as Received)).toMatchObject({ status: "canceled" });
});

test("the final webhook is retried with the same id until it is accepted; other webhooks are sent once", async () => {
  answers = [500, 503, 500];
  await made("retried", ["start", "completed"]);
  await arrived(4);
  const [start, ...completed] = received;
  expect(start?.status).toBe("processing");
  expect(completed.map(({ status }) => status)).toEqual(["succeeded", "succeeded", "succeeded"]);
  expect(new Set(completed.map(({ headers }) => headers["webhook-id"])).size).toBe(1);
  const attempts = await log("_webhooks", "retried");
  expect(attempts.map((delivery: { status: number }) => delivery.status)).toEqual([500, 503, 500, 200]);
});

test("the final webhook is sent four times at most", async () => {
  answers = [500, 500, 500, 500, 500, 500];
  await made("hopeless");
  const lastTry = async () => (await log("_webhooks", "hopeless")).at(-1);
  await until("the fourth attempt fails", lastTry, (last) => last?.attempt === 4 && last.status === 500);
});

test.each([402, 422, 429, 500, 503] as const)(
  "the fault `refuse` answers %i once and creates no prediction",
  async (status) => {
    await addFault({
      match: `refuse ${status}`,
      times: 1,
      fault: { kind: "refuse", status, retry_after: 3 },
    });
    const refused = await create(`please refuse ${status}`);
    expect(refused.status).toBe(status);
    expect(refused.headers.get("retry-after")).toBe(status === 429 ? "3" : null);
    expect((await refused.json()).detail).toEqual(expect.any(String));
    expect((await create(`please refuse ${status}`)).status).toBe(201);
    const calls = await log("_calls", `refuse ${status}`);
    expect(calls).toMatchObject([
      { call: "create", status, prediction_id: null },
      { call: "create", status: 201 },
    ]);
  },
);

test("a fault rule does not affect other prompts", async () => {
  await addFault({ match: "only this", fault: { kind: "refuse", status: 500 } });
  expect((await create("something else")).status).toBe(201);
});

test("the fault `reset` cuts the connection before a prediction exists", async () => {
  await addFault({ match: "reset me", fault: { kind: "reset" } });
  await expect(create("reset me")).rejects.toThrow("fetch failed");
  expect(await log("_calls", "reset me")).toMatchObject([{ status: 0, prediction_id: null }]);
});

test("the fault `drop` cuts the connection, but the prediction is created and completes", async () => {
  await addFault({ match: "drop me", fault: { kind: "drop" } });
  await expect(create("drop me", { webhook: hook })).rejects.toThrow("fetch failed");
  await until(
    "the prediction succeeds",
    () => received.at(-1),
    (last) => last?.status === "succeeded",
  );
  const [call] = await log("_calls", "drop me");
  expect(call).toMatchObject({ status: 0, prediction_id: expect.any(String) });
});

test("the faults `fail` and `nsfw` end a prediction as failed, with the given error and with the model's", async () => {
  await addFault({ match: "unlucky", fault: { kind: "fail", error: "boom" } });
  await addFault({ match: "naked", fault: { kind: "nsfw" } });
  expect(await made("unlucky")).toMatchObject({ status: "failed", error: "boom", output: null });
  expect((await made("naked")).error).toContain("flagged as sensitive");
  await arrived(2);
  expect(received.map(({ status }) => status)).toEqual(["failed", "failed"]);
});

test("the fault `stall` keeps a prediction in processing until it is canceled", async () => {
  await addFault({ match: "stuck", fault: { kind: "stall" } });
  const response = await fetch(replicate.url + createPath, {
    method: "POST",
    headers: { authorization: "Bearer token" },
    body: JSON.stringify({ input: { prompt: "stuck" } }),
  });
  const { id, urls } = await response.json();
  expect((await made("another one, meanwhile")).status).toBe("succeeded");
  expect(await (await read(id)).json()).toMatchObject({ status: "processing", completed_at: null });
  await fetch(urls.cancel, { method: "POST", headers });
  expect((await (await read(id)).json()).status).toBe("canceled");
});

test("the fault `slow` makes a prediction take at least the given time", async () => {
  await addFault({ match: "snail", fault: { kind: "slow", ms: 200 } });
  expect((await made("snail")).metrics.total_time).toBeGreaterThan(0.19);
});

test("the fault `lose_webhook` sends no webhook, and the log says so", async () => {
  await addFault({ match: "lost", fault: { kind: "lose_webhook" } });
  await made("lost", ["start", "completed"]);
  const lost = await until(
    "two webhooks are logged",
    () => log("_webhooks", "lost"),
    ({ length }) => length >= 2,
  );
  expect(lost).toHaveLength(2);
  expect(lost[1]).toMatchObject({
    event: "completed",
    fault: "lost",
    status: null,
  });
  expect(received.map(({ status }) => status)).toEqual(["processing"]);
});

test("the fault `delay_webhook` delays the webhook by the given time", async () => {
  await addFault({ match: "late", fault: { kind: "delay_webhook", ms: 150 } });
  const { completed_at } = await made("late");
  await arrived(1);
  expect(Date.now() - Date.parse(completed_at)).toBeGreaterThanOrEqual(145);
});

test("the fault `duplicate_webhook` sends the same message several times", async () => {
  await addFault({ match: "twice", fault: { kind: "duplicate_webhook", count: 2 } });
  await made("twice");
  await arrived(3);
  expect(new Set(received.map(({ body, headers }) => headers["webhook-id"] + body)).size).toBe(1);
});

test("the fault `reorder_webhooks` sends completion before start", async () => {
  await addFault({ match: "shuffled", fault: { kind: "reorder_webhooks" } });
  await made("shuffled", ["start", "completed"]);
  await arrived(2);
  expect(received.map(({ status }) => status)).toEqual(["succeeded", "processing"]);
});

test.each([
  ["forge_webhook", "No matching signature found"],
  ["stale_webhook", "Message timestamp too old"],
] as const)(
  "a message of the fault `%s` fails verification, and is not sent again after a 401",
  async (kind, error) => {
    answers = [401];
    await addFault({ match: kind, fault: { kind } });
    await made(`a ${kind}`);
    await arrived(1);
    expect(() => verify(received[0] as Received)).toThrow(error);
    await made("the next one");
    await arrived(2);
    expect((await log("_webhooks", `a ${kind}`)).length).toBe(1);
  },
);
