import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { decode, encode } from "fast-png";
import Replicate from "replicate";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { type ReplicateServer, startReplicate } from "../../scripts/local/replicate/server.ts";
import { until } from "../support/until.ts";

vi.setConfig({ testTimeout: 20_000 });

const apiToken = "r8_local";
const kontext = "/v1/models/black-forest-labs/flux-kontext-pro/predictions";
const pngFile = Buffer.from(
  encode({ width: 64, height: 32, data: new Uint8Array(64 * 32 * 3).fill(90), channels: 3 }),
);

let replicate: ReplicateServer;
let images: Server;
let imagesUrl: string;
const opened: ReplicateServer[] = [];

beforeAll(async () => {
  replicate = await start({});
  images = createServer((request, response) => {
    const status = request.url === "/signed?token=good" ? 200 : request.url === "/text" ? 200 : 403;
    response.writeHead(status).end(request.url === "/text" ? "hello" : pngFile);
  });
  await new Promise<void>((resolve) => images.listen(0, "127.0.0.1", resolve));
  imagesUrl = `http://127.0.0.1:${(images.address() as AddressInfo).port}`;
});

afterEach(() => replicate.faults.clear());

afterAll(async () => {
  await Promise.all(opened.map((server) => server.close()));
  images.closeAllConnections();
  await new Promise((resolve) => images.close(resolve));
});

async function start(options: Partial<Parameters<typeof startReplicate>[0]>): Promise<ReplicateServer> {
  const secret = "whsec_bG9jYWwtd2ViaG9vay1zZWNyZXQ=";
  const server = await startReplicate({
    token: apiToken,
    webhookSecret: secret,
    predictionMs: 10,
    ...options,
  });
  opened.push(server);
  return server;
}

function call(
  path: string,
  init: RequestInit & { json?: unknown } = {},
  at = replicate.url,
): Promise<Response> {
  const { json, ...rest } = init;
  return fetch(new URL(path, at), {
    ...rest,
    method: rest.method ?? (json === undefined ? "GET" : "POST"),
    headers: { authorization: `Bearer ${apiToken}`, ...(rest.headers as Record<string, string>) },
    ...(json === undefined ? {} : { body: JSON.stringify(json) }),
  });
}

const wait = { Prefer: "wait" };
const make = async (path: string, input: unknown, at?: string) =>
  (await call(path, { json: { input }, headers: wait }, at)).json();

test.each([
  ["no token", {}, "You did not pass an authentication token"],
  ["a wrong token", { authorization: "Bearer nope" }, "You did not pass a valid authentication token"],
])("the look-alike of Replicate answers 401 to every call with %s", async (_, headers, detail) => {
  for (const path of ["/v1/predictions", "/v1/webhooks/default/secret"]) {
    const response = await fetch(replicate.url + path, { headers: headers as Record<string, string> });
    expect(response.status).toBe(401);
    expect(await response.json()).toEqual({ title: "Unauthenticated", detail, status: 401 });
  }
});

test("a created prediction is `starting`, and when it has succeeded it has output, times and metrics", async () => {
  const response = await call(kontext, { json: { input: { prompt: "a boat" } } });
  expect(response.status).toBe(201);
  const created = await response.json();
  expect(created).toMatchObject({
    model: "black-forest-labs/flux-kontext-pro",
    version: "hidden",
    status: "starting",
    input: { prompt: "a boat" },
    output: null,
    error: null,
    logs: "",
    data_removed: false,
    started_at: null,
    completed_at: null,
  });
  expect(created.id).toMatch(/^[0-9a-z]{26}$/);
  expect(created.urls.get).toBe(`${replicate.url}/v1/predictions/${created.id}`);
  const read = async () => (await call(`/v1/predictions/${created.id}`)).json();
  const done = await until("the prediction succeeds", read, ({ status }) => status === "succeeded");
  expect(done.metrics.predict_time).toBeGreaterThan(0);
  const percents = [...done.logs.matchAll(/^ *(\d+)%\|/gm)].map(([, percent]) => Number(percent));
  expect(percents).toEqual([10, 20, 30, 40, 50, 60, 70, 80, 90, 100]);
  expect(Date.parse(done.completed_at)).toBeGreaterThanOrEqual(Date.parse(done.started_at));
  const file = await fetch(done.output);
  expect(file.headers.get("content-type")).toBe("image/png");
  expect(decode(Buffer.from(await file.arrayBuffer())).width).toBe(512);
});

test("the official client of Replicate runs a model on the look-alike", async () => {
  const client = new Replicate({ auth: apiToken, baseUrl: `${replicate.url}/v1`, useFileOutput: false });
  const output = await client.run("black-forest-labs/flux-schnell", {
    input: { prompt: "a boat", num_outputs: 2, aspect_ratio: "16:9" },
  });
  expect(output).toEqual([expect.stringMatching(/out-0\.png$/), expect.stringMatching(/out-1\.png$/)]);
  expect((await client.webhooks.default.secret.get()).key).toMatch(/^whsec_/);
  expect((await client.predictions.list()).results.length).toBeGreaterThan(0);
});

test("an input image by signed address or data URL gives the picture its aspect ratio", async () => {
  const data = `data:image/png;base64,${pngFile.toString("base64")}`;
  for (const input_image of [`${imagesUrl}/signed?token=good`, data]) {
    const { status, output } = await make(kontext, { prompt: "edit", input_image });
    expect(status).toBe("succeeded");
    const { width, height } = decode(Buffer.from(await (await fetch(output)).arrayBuffer()));
    expect(width / height).toBeCloseTo(2, 1);
  }
});

test.each([
  ["/signed?token=expired", /^403 Client Error: Forbidden for url: http/],
  ["/text", /^cannot identify image file/],
])("a prediction fails when its input image at %s cannot be used", async (path, error) => {
  const prediction = await make(kontext, { prompt: "edit", input_image: imagesUrl + path });
  expect(prediction).toMatchObject({ status: "failed", output: null, error: expect.stringMatching(error) });
});

test("a prediction fails when the host of its input image is unreachable", async () => {
  const gone = await start({});
  await gone.close();
  const prediction = await make(kontext, { prompt: "edit", input_image: `${gone.url}/x.png` });
  expect(prediction.error).toContain("Max retries exceeded");
});

test.each([
  ["no prompt", kontext, { input: {} }, "- input.prompt: "],
  ["a prompt that is not a string", kontext, { input: { prompt: 5 } }, "expected string"],
  ["a format of another model", kontext, { input: { prompt: "x", output_format: "webp" } }, '"jpg"|"png"'],
  [
    "an input image that is not a URL",
    kontext,
    { input: { prompt: "x", input_image: "cat" } },
    "- input.input_image: ",
  ],
  ["no input", kontext, { inptu: {} }, '"inptu"'],
  ["a webhook that is not a URL", kontext, { input: { prompt: "x" }, webhook: "nope" }, "- webhook: "],
  [
    "an unknown version",
    "/v1/predictions",
    { version: "0".repeat(64), input: { prompt: "x" } },
    "does not exist",
  ],
])("the look-alike of Replicate answers 422 to a create with %s", async (_, path, json, detail) => {
  const response = await call(path, { json });
  expect(response.status).toBe(422);
  expect(await response.json()).toMatchObject({ status: 422, detail: expect.stringContaining(detail) });
});

test("an unknown model, an unknown prediction and a community model run by name are 404", async () => {
  const create = { json: { input: { prompt: "x" } } };
  const answers = [
    await call("/v1/models/nobody/nothing/predictions", create),
    await call("/v1/models/stability-ai/sdxl/predictions", create),
    await call("/v1/predictions/unknown"),
    await call("/v1/predictions/unknown/cancel", { method: "POST" }),
  ];
  expect(answers.map((answer) => answer.status)).toEqual([404, 404, 404, 404]);
});

test("a community model runs when its version is given", async () => {
  const version = "7762fd07cf82c948538e41f63f77d685e02b063e37e496e96eefd46c929f9bdc";
  const json = { version: `stability-ai/sdxl:${version}`, input: { prompt: "x", width: 256, height: 128 } };
  const prediction = await (await call("/v1/predictions", { json, headers: wait })).json();
  expect(prediction).toMatchObject({ model: "stability-ai/sdxl", version, status: "succeeded" });
  expect(prediction.output).toHaveLength(1);
});

test("the look-alike of Replicate answers broken and oversized bodies, and keeps running", async () => {
  const bad = await call(kontext, { method: "POST", body: "{" });
  const huge = await call(kontext, { method: "POST", body: Buffer.alloc(31 * 1024 * 1024) });
  expect([bad.status, huge.status]).toEqual([400, 413]);
  expect((await fetch(`${replicate.url}/health`)).status).toBe(200);
});

test("a cancel ends a running prediction, and does not change a finished one", async () => {
  const running = await (await call(kontext, { json: { input: { prompt: "[[slow 60000]]" } } })).json();
  const canceled = await (await call(`/v1/predictions/${running.id}/cancel`, { method: "POST" })).json();
  expect(canceled).toMatchObject({ status: "canceled", output: null, completed_at: expect.any(String) });
  const done = await make(kontext, { prompt: "quick" });
  const after = await (await call(`/v1/predictions/${done.id}/cancel`, { method: "POST" })).json();
  expect(after).toEqual(done);
});

test("a create whose wait ends first is answered 202 with the unfinished prediction", async () => {
  const headers = { Prefer: "wait=1" };
  const response = await call(kontext, { json: { input: { prompt: "[[slow 60000]]" } }, headers });
  expect(response.status).toBe(202);
  expect((await response.json()).completed_at).toBeNull();
});

test("the look-alike of Replicate keeps only the newest predictions, up to its limit", async () => {
  const small = await start({ maxPredictions: 2 });
  const ids: string[] = [];
  for (const prompt of ["one", "two", "three"]) ids.push((await make(kontext, { prompt }, small.url)).id);
  const list = await (await call("/v1/predictions", {}, small.url)).json();
  expect(list.results.map((prediction: { id: string }) => prediction.id)).toEqual([ids[2], ids[1]]);
});
