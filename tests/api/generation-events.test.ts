import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import {
  api,
  type Developer,
  type EndUser,
  errorOf,
  registerDeveloper,
  registerEndUser,
} from "../support/api.ts";
import { EventStream } from "../support/event-stream.ts";
import { formOf, freshPrompt, GenerationStack } from "../support/generation.ts";
import { registerLimited } from "../support/limits.ts";
import { lockAnonymousLimits } from "../support/lock-anonymous-limits.ts";
import { until } from "../support/until.ts";

const { urls } = inject("stack");
const stack = new GenerationStack(inject("stack"));
let developer: Developer;
let user: EndUser;
let done: string;

const eventsAt = (id: string) => `/generation/${id}/events`;
const follow = (
  id: string,
  headers: Record<string, string> = user.headers,
  more: Record<string, string> = {},
) => EventStream.open(`${urls.api}${eventsAt(id)}`, { ...headers, ...more });
const cancel = (id: string, headers: Record<string, string>) =>
  api(`/generation/${id}/cancel`, { method: "POST", headers });
const ranks = { pending: 1, processing: 2, completed: 3, failed: 3, canceled: 3 };

lockAnonymousLimits();
beforeAll(async () => {
  developer = await registerDeveloper();
  user = await registerEndUser(developer.project);
  await stack.setPlan(developer.project.id, "premium");
  done = (await stack.makeGeneration(freshPrompt(), user.headers)).id;
  await stack.waitForEnd(done, user.headers);
});
afterAll(() => stack.close());

test("a stream sends each status once and in order, with progress between them, and ends with the final status", async () => {
  const { id } = await stack.makeGeneration(`${freshPrompt()} [[slow 5000]]`, user.headers);
  const stream = await follow(id);
  expect(stream.response.status).toBe(200);
  expect(stream.response.headers.get("content-type")).toBe("text/event-stream");
  await stream.rest();
  expect(stream.text).toMatch(/^retry: 1000\n\n/);
  const states = stream.events.filter(({ event }) => event === "status");
  expect(states.map(({ data }) => data.status)).toEqual(["pending", "processing", "completed"]);
  expect(states.map(({ id }) => id)).toEqual(["1", "2", "3"]);
  const { body } = await stack.readStatus(id, user.headers);
  const same = [
    "id",
    "status",
    "instructions",
    "model",
    "charged",
    "created_at",
    "updated_at",
    "completed_at",
  ];
  for (const name of same) expect([name, states.at(-1)?.data[name]]).toEqual([name, body[name]]);
  const progress = stream.events.filter(({ event }) => event === "progress");
  const percents = progress.map(({ data }) => data.percent).filter((percent) => percent !== null);
  expect(percents.length).toBeGreaterThan(0);
  expect(percents).toEqual(percents.toSorted((a, b) => a - b));
  expect(new Set(progress.map(({ id }) => id)).size).toBe(progress.length);
  const order = stream.words.map((word) => ranks[word as keyof typeof ranks] ?? 2);
  expect(order).toEqual(order.toSorted());
});

test("a stream resumed with Last-Event-ID sends what followed, and nothing twice", async () => {
  const { id } = await stack.makeGeneration(`${freshPrompt()} [[slow 6000]]`, user.headers);
  const first = await follow(id);
  await first.until("progress");
  first.close();
  const second = await follow(id, user.headers, { "Last-Event-ID": first.lastId });
  await second.rest();
  expect(second.words.filter((word) => word !== "progress")).toEqual(["completed"]);
  const ids = [...first.events, ...second.events].map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  const after = await api(eventsAt(id), { headers: { ...user.headers, "Last-Event-ID": second.lastId } });
  expect([after.status, after.body]).toEqual([204, ""]);
});

test("the stream of a completed generation sends all its statuses and ends", async () => {
  const stream = await follow(done);
  await stream.rest();
  expect(stream.words).toEqual(["pending", "processing", "completed"]);
});

test.each(["generations-v2", "generations"])(
  "the legacy path %s streams the same statuses",
  async (older) => {
    const root = urls.api.replace(/\/api\/v1$/, "");
    const stream = await EventStream.open(`${root}/generation/${older}/${done}/events`, user.headers);
    await stream.rest();
    expect(stream.words).toEqual(["pending", "processing", "completed"]);
  },
);

test("HEAD returns the headers of a stream and opens no stream", async () => {
  const { id } = await stack.makeGeneration(`${freshPrompt()} [[stall]]`, user.headers);
  for (let time = 0; time < 12; time++) {
    const head = await fetch(`${urls.api}${eventsAt(id)}`, { method: "HEAD", headers: user.headers });
    expect([head.status, head.headers.get("content-type")]).toEqual([200, "text/event-stream"]);
  }
  await cancel(id, user.headers);
});

test("CORS allows a page to send Last-Event-ID", async () => {
  const preflight = await api(eventsAt(done), {
    method: "OPTIONS",
    headers: {
      Origin: "https://app.example.com",
      "Access-Control-Request-Method": "GET",
      "Access-Control-Request-Headers": "authorization,last-event-id",
    },
  });
  expect(preflight.headers.get("access-control-allow-headers")).toContain("last-event-id");
});

describe("refused streams", () => {
  test.each([
    ["Authorization", 401, "not_authenticated"],
    ["X-Project-ID", 403, "project_id_required"],
    ["X-Developer-Key", 403, "developer_key_required"],
    ["X-API-Key", 403, "api_key_required"],
  ])("a stream without the header %s is refused with %i %s", async (name, status, code) => {
    const { [name]: _, ...headers } = user.headers;
    expect(errorOf(await api(eventsAt(done), { headers }))).toMatchObject({ status, code });
  });

  test("the stream of an unknown or another user's generation answers 404", async () => {
    const other = await registerEndUser(developer.project);
    const stranger = await registerEndUser((await registerDeveloper()).project);
    for (const { headers } of [other, stranger])
      expect(errorOf(await api(eventsAt(done), { headers }))).toMatchObject({
        status: 404,
        code: "generation_not_found",
      });
    const unknown = await api(eventsAt(randomUUID()), { headers: user.headers });
    expect(errorOf(unknown).code).toBe("generation_not_found");
  });

  test("a stream answers 422 to an invalid generation id and 400 to an invalid project id", async () => {
    expect(errorOf(await api(eventsAt("seven"), { headers: user.headers })).status).toBe(422);
    const headers = { ...user.headers, "X-Project-ID": "seven" };
    expect(errorOf(await api(eventsAt(done), { headers }))).toMatchObject({
      status: 400,
      code: "invalid_project_id",
    });
  });

  test("opening a stream counts as one read", async () => {
    const limited = await registerLimited(stack.sql, { reads_per_minute: 2 });
    const endUser = await registerEndUser(limited.project);
    const { id } = await stack.makeGeneration(freshPrompt(), endUser.headers);
    const url = `${urls.api}${eventsAt(id)}`;
    for (let time = 0; time < 2; time++)
      expect((await fetch(url, { method: "HEAD", headers: endUser.headers })).status).toBe(200);
    expect(errorOf(await api(url, { headers: endUser.headers }))).toMatchObject({
      status: 429,
      code: "rate_limited",
    });
  });
});

describe("access that ends while the stream is open", () => {
  const running = async () => {
    const endUser = await registerEndUser(developer.project);
    const { id } = await stack.makeGeneration(`${freshPrompt()} [[stall]]`, endUser.headers);
    const stream = await follow(id, endUser.headers);
    await stream.until("processing");
    return { endUser, id, stream };
  };
  const owner = () => ({ ...developer.headers, "X-Project-ID": developer.project.id });

  test("a stream sends no status after its session has ended", async () => {
    const { endUser, id, stream } = await running();
    await api("/auth/logout", { method: "POST", headers: endUser.headers });
    expect((await cancel(id, owner())).status).toBe(200);
    await stream.rest();
    expect(stream.words.filter((word) => word !== "progress")).toEqual(["pending", "processing", "problem"]);
    expect(stream.events.at(-1)?.data).toMatchObject({
      status: 401,
      code: "invalid_token",
      request_id: stream.response.headers.get("x-request-id"),
    });
    expect((await api(eventsAt(id), { headers: endUser.headers })).status).toBe(401);
  });

  test("a stream without events ends within seconds after its session has ended", async () => {
    const { endUser, id, stream } = await running();
    await api("/auth/logout", { method: "POST", headers: endUser.headers });
    await stream.rest();
    expect(stream.events.at(-1)).toMatchObject({ event: "problem", data: { code: "invalid_token" } });
    expect(stream.text).toContain("\n\n:\n\n");
    await cancel(id, owner());
  });

  test("deleting a generation ends its stream with generation_not_found", async () => {
    const { id, stream } = await running();
    await api(`/generation/${id}`, { method: "DELETE", headers: owner() });
    await stream.rest();
    expect(stream.events.at(-1)?.data).toMatchObject({ status: 404, code: "generation_not_found" });
  });
});

test("a user may hold ten streams, and one more is refused until one of them is closed", async () => {
  const endUser = await registerEndUser(developer.project);
  const { id } = await stack.makeGeneration(`${freshPrompt()} [[stall]]`, endUser.headers);
  const streams = await Promise.all(Array.from({ length: 10 }, () => follow(id, endUser.headers)));
  await Promise.all(streams.map((stream) => stream.until("pending")));
  const refused = await api(eventsAt(id), { headers: endUser.headers });
  expect(errorOf(refused)).toMatchObject({ status: 429, code: "too_many_streams" });
  expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
  const other = await follow(done);
  expect(other.response.status).toBe(200);
  await other.rest();
  for (const stream of streams) stream.close();
  const again = await until(
    "a stream that is closed makes room",
    () => follow(id, endUser.headers),
    (stream) => stream.response.status === 200,
  );
  await cancel(id, endUser.headers);
  await again.until("canceled");
});

describe("streams of anonymous generations", () => {
  const address = (id: string, name = "anonymous-generations-v2") =>
    `${urls.api}/generation/${name}/${id}/events`;
  const create = async (words: string) => {
    const { body } = await api("/generation/generate-anonymous-v2", {
      method: "POST",
      body: formOf(`${freshPrompt()} ${words}`),
    });
    return String(body.id);
  };

  test("anybody with the id of an anonymous generation can stream it, on both paths", async () => {
    const id = await create("[[slow 3000]]");
    for (const name of ["anonymous-generations-v2", "anonymous-generations"]) {
      const stream = await EventStream.open(address(id, name));
      await stream.rest();
      const states = stream.words.filter((word) => word !== "progress");
      expect(states).toEqual(["pending", "processing", "completed"]);
    }
    const again = await api(address(id), { headers: { "Last-Event-ID": "3" } });
    expect(again.status).toBe(204);
  });

  test("an anonymous stream refuses unknown and invalid ids, invalid projects and unknown API keys", async () => {
    expect(errorOf(await api(address(randomUUID()))).status).toBe(404);
    expect(errorOf(await api(address(done))).status).toBe(404);
    expect(errorOf(await api(address("seven"))).status).toBe(422);
    expect(errorOf(await api(address(done), { headers: { "X-Project-ID": "seven" } })).status).toBe(400);
    const key = `ak_${"0".repeat(40)}`;
    expect(errorOf(await api(address(done), { headers: { "X-API-Key": key } })).status).toBe(403);
  });

  test("anonymous streams count against the reads limit of the IP address", async () => {
    const limited = await registerLimited(stack.sql, { reads_per_minute: 2 });
    const headers = { "X-Project-ID": limited.project.id };
    const url = address(await create(""));
    for (let time = 0; time < 2; time++)
      expect((await fetch(url, { method: "HEAD", headers })).status).toBe(200);
    expect(errorOf(await api(url, { headers }))).toMatchObject({ status: 429, code: "rate_limited" });
  });
});
