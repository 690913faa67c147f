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

test("wait tells each status once and ends with the final one", async () => {
  const story = ["pending", "pending", "processing", "processing", "completed"];
  server.answer(withoutEvents(() => json(generation(story[polls().length - 1] ?? "completed"))));
  const told: string[] = [];
  const done = await client().generations.wait("g1", { onStatus: ({ status }) => told.push(status) });
  expect(done.status).toBe("completed");
  expect(told).toEqual(["pending", "processing", "completed"]);
  expect(polls()[0]?.path).toBe("/api/v1/generation/g1/status?wait=25");
});

test.each(["completed", "failed", "canceled"])("%s is an end, with no further question", async (status) => {
  server.answer(withoutEvents(() => json(generation(status))));
  expect((await client().generations.wait("g1")).status).toBe(status);
  expect(polls()).toHaveLength(1);
});

test("where there are live events a wait asks for nothing else, and tells progress too", async () => {
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

test("an anonymous wait uses the events of its own address, with no credentials", async () => {
  server.answer(() => events([status("completed", 3)]));
  await client({ apiKey: "ak_1" }).generations.wait("g1", { anonymous: true });
  const [sent] = server.seen;
  expect(sent?.path).toBe("/api/v1/generation/anonymous-generations-v2/g1/events");
  expect(sent?.headers.has("x-api-key")).toBe(false);
});

test.each([
  ["has no such address", () => error(404, "not_found", "There is nothing at this address.")],
  ["takes no GET there", () => error(405, "method_not_allowed", "Not allowed.")],
  ["answers with a page", () => new Response("<html>", { headers: { "Content-Type": "text/html" } })],
])("a server that %s is asked for the status, and never for events again", async (_, reply) => {
  server.answer(({ path }) => (path.endsWith("/events") ? reply() : json(generation("completed"))));
  const one = client();
  await one.generations.wait("g1");
  await one.generations.wait("g1");
  const asked = server.seen.map(({ path }) => path.split("/").at(-1)?.split("?")[0]);
  expect(asked).toEqual(["events", "status", "status"]);
});

test.each([
  ["too many streams are open", () => error(429, "too_many_streams", "Too many.", { "Retry-After": "5" })],
  ["a limit is reached", () => error(429, "rate_limited", "Too many.", { "Retry-After": "3600" })],
  ["the stream cannot be opened now", () => error(503, "database_unavailable", "Down.")],
  ["the stream ends before its first event", () => events([": nothing\n\n"], "breaks")],
])("where %s this wait asks for the status, and the next one tries again", async (_, reply) => {
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
    "the whole answer",
    (_, { timeoutMs = 0 }) =>
      sleep(timeoutMs, undefined).then(() => Promise.reject(new TimeoutError("late"))),
  ],
  ["the events", async () => events([], "stays")],
])("a proxy that holds back %s is waited for twice, and never again", async (_, open) => {
  const streams: Streams = { areMissing: false, silences: 0, open: 0 };
  let opened = 0;
  const counted: Open = (...asked) => {
    opened++;
    return open(...asked);
  };
  for (let time = 0; time < 4; time++) expect(await waitLive(counted, {}, streams, 20)).toBeNull();
  expect([opened, streams]).toEqual([2, { areMissing: true, silences: 2, open: 0 }]);
});

test("a client holds four streams for its waits, and asks for the status of more", async () => {
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

test("an abort ends a wait at once, while the server is waiting and while the client is", async () => {
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

test("a wait outlives an outage, a limit and a broken connection", async () => {
  const hiccups = [
    broken,
    () => error(503, "database_unavailable", "Down.", { "Retry-After": "0" }),
    () => error(429, "rate_limited", "Too many.", { "Retry-After": "0" }),
    () => json(generation("completed")),
  ];
  server.answer((_, call) => hiccups[call - 1]?.() ?? broken());
  expect((await client({ maxRetries: 0 }).generations.wait("g1")).status).toBe("completed");
});

test("what is no outage ends a wait", async () => {
  server.answer(() => error(404, "generation_not_found", "Generation not found."));
  await expect(client().generations.wait("g1")).rejects.toMatchObject({ code: "generation_not_found" });
  expect(server.seen).toHaveLength(1);
});

test("a wait that is too long says that the generation goes on", async () => {
  server.answer(() => json(generation("processing")));
  const waiting = client().generations.wait("g1", { timeoutMs: 700 });
  await expect(waiting).rejects.toBeInstanceOf(TimeoutError);
  await expect(waiting).rejects.toThrow(
    "Generation g1 is processing. It goes on: call generations.wait again.",
  );
  expect(server.seen.length).toBeLessThan(6);
});
