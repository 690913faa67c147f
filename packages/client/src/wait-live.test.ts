import { expect, test } from "vitest";
import { TimeoutError } from "./errors.ts";
import type { Open } from "./follow-generation.ts";
import { sleep } from "./sleep.ts";
import {
  apiServer,
  broken,
  client,
  error,
  events,
  generation,
  json,
  progress,
  status,
  withoutEvents,
} from "./testing/server.ts";
import { type Streams, waitLive } from "./wait-live.ts";

const server = apiServer();

const polls = () => server.seen.filter(({ path }) => path.includes("/status"));

test("wait reports each status once and returns the final generation", async () => {
  const story = ["pending", "pending", "processing", "processing", "completed"];
  server.answer(withoutEvents(() => json(generation(story[polls().length - 1] ?? "completed"))));
  const told: string[] = [];
  const done = await client().generations.wait("g1", { onStatus: ({ status }) => told.push(status) });
  expect(done.status).toBe("completed");
  expect(told).toEqual(["pending", "processing", "completed"]);
  expect(polls()[0]?.path).toBe("/api/v1/generation/g1/status?wait=25");
});

test.each(["completed", "failed", "canceled"])(
  "wait ends when the status is %s, without another request",
  async (status) => {
    server.answer(withoutEvents(() => json(generation(status))));
    expect((await client().generations.wait("g1")).status).toBe(status);
    expect(polls()).toHaveLength(1);
  },
);

test("wait uses only live events when the server has them, and reports progress", async () => {
  server.answer(() =>
    events([status("pending", 1), status("processing", 2), progress(40, "2.4"), status("completed", 3)]),
  );
  const told: unknown[] = [];
  const done = await client().generations.wait("g1", {
    onStatus: ({ status }) => told.push(status),
    onProgress: ({ percent, log }) => told.push([percent, log]),
  });
  expect(done.status).toBe("completed");
  expect(told).toEqual(["pending", "processing", [40, "40%"], "completed"]);
  expect(server.seen.map(({ path }) => path)).toEqual(["/api/v1/generation/g1/events"]);
});

test("an anonymous wait uses the anonymous events without credentials", async () => {
  server.answer(() => events([status("completed", 3)]));
  await client({ apiKey: "ak_1" }).generations.wait("g1", { anonymous: true });
  const [sent] = server.seen;
  expect(sent?.path).toBe("/api/v1/generation/anonymous-generations-v2/g1/events");
  expect(sent?.headers.has("x-api-key")).toBe(false);
});

test.each([
  [
    "has no live events",
    () => error(404, "not_found", "No endpoint has this address. Compare it with the API reference."),
  ],
  ["refuses GET for live events", () => error(405, "method_not_allowed", "Not allowed.")],
  [
    "answers live events with an HTML page",
    () => new Response("<html>", { headers: { "Content-Type": "text/html" } }),
  ],
])("wait polls the status of a server that %s, and never requests events again", async (_, reply) => {
  server.answer(({ path }) => (path.endsWith("/events") ? reply() : json(generation("completed"))));
  const one = client();
  await one.generations.wait("g1");
  await one.generations.wait("g1");
  const asked = server.seen.map(({ path }) => path.split("/").at(-1)?.split("?")[0]);
  expect(asked).toEqual(["events", "status", "status"]);
});

test.each([
  ["too many streams are open", () => error(429, "too_many_streams", "Too many.", { "Retry-After": "5" })],
  ["a rate limit is reached", () => error(429, "rate_limited", "Too many.", { "Retry-After": "3600" })],
  ["the stream cannot be opened", () => error(503, "database_unavailable", "Down.")],
  ["the stream ends before its first event", () => events([": nothing\n\n"], "breaks")],
])("when %s wait polls the status, and the next wait requests events again", async (_, reply) => {
  server.answer(({ path }) => (path.endsWith("/events") ? reply() : json(generation("completed"))));
  const one = client();
  await one.generations.wait("g1");
  server.answer(() => events([status("completed", 3)]));
  server.seen.length = 0;
  await one.generations.wait("g1");
  expect(server.seen.map(({ path }) => path)).toEqual(["/api/v1/generation/g1/events"]);
});

test.each<[name: string, open: Open]>([
  [
    "the answer",
    (_, { timeoutMs = 0 }) =>
      sleep(timeoutMs, undefined).then(() => Promise.reject(new TimeoutError("late"))),
  ],
  ["the events", async () => events([], "stays")],
])("after a proxy has twice held back %s, wait requests no events any more", async (_, open) => {
  const streams: Streams = { areMissing: false, silences: 0, open: 0 };
  let opened = 0;
  const counted: Open = (...asked) => {
    opened++;
    return open(...asked);
  };
  for (let time = 0; time < 4; time++) expect(await waitLive(counted, {}, streams, 20)).toBeNull();
  expect([opened, streams]).toEqual([2, { areMissing: true, silences: 2, open: 0 }]);
});

test("a client opens at most four streams for its waits, and polls the status for further waits", async () => {
  server.answer(({ path }) =>
    path.endsWith("/events") ? events([status("pending", 1)], "stays") : json(generation("completed")),
  );
  const one = client();
  const leave = new AbortController();
  const streaming = Array.from({ length: 4 }, (_, at) =>
    one.generations.wait(`g${at}`, { signal: leave.signal }).catch(() => "left"),
  );
  expect((await one.generations.wait("g9")).status).toBe("completed");
  leave.abort();
  expect(await Promise.all(streaming)).toEqual(["left", "left", "left", "left"]);
  server.answer(() => events([status("completed", 3)]));
  server.seen.length = 0;
  await one.generations.wait("g9");
  expect(server.seen.map(({ path }) => path)).toEqual(["/api/v1/generation/g9/events"]);
});

test("an abort ends a wait with its reason, during a request and between requests", async () => {
  const reason = new Error("the user left");
  for (const reply of [() => new Promise<Response>(() => {}), () => json(generation("pending"))]) {
    const controller = new AbortController();
    server.answer(() => {
      setTimeout(() => controller.abort(reason));
      return reply();
    });
    await expect(client().generations.wait("g1", { signal: controller.signal })).rejects.toBe(reason);
  }
});

test("wait continues after an outage, a rate limit and a broken connection", async () => {
  const hiccups = [
    broken,
    () => error(503, "database_unavailable", "Down.", { "Retry-After": "0" }),
    () => error(429, "rate_limited", "Too many.", { "Retry-After": "0" }),
    () => json(generation("completed")),
  ];
  server.answer((_, call) => hiccups[call - 1]?.() ?? broken());
  expect((await client({ maxRetries: 0 }).generations.wait("g1")).status).toBe("completed");
});

test("wait ends with any error that is not an outage", async () => {
  server.answer(() => error(404, "generation_not_found", "Generation not found."));
  await expect(client().generations.wait("g1")).rejects.toMatchObject({ code: "generation_not_found" });
  expect(server.seen).toHaveLength(1);
});

test("a wait that reaches timeoutMs is a TimeoutError that says the generation continues", async () => {
  server.answer(() => json(generation("processing")));
  const waiting = client().generations.wait("g1", { timeoutMs: 700 });
  await expect(waiting).rejects.toBeInstanceOf(TimeoutError);
  await expect(waiting).rejects.toThrow(
    "Generation g1 is processing. It continues: call generations.wait again.",
  );
  expect(server.seen.length).toBeLessThan(6);
});
