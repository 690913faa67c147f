import { expect, test } from "vitest";
import { TimeoutError } from "./errors.ts";
import type { GenerationEvent } from "./index.ts";
import { memorySession } from "./session.ts";
import {
  all,
  apiServer,
  broken,
  client,
  error,
  events,
  json,
  progress,
  session,
  status,
  tokens,
} from "./testing/server.ts";

const server = apiServer();
const soon = "retry: 1\n\n";
const wordOf = (event: GenerationEvent) =>
  event.type === "status" ? `${event.id} ${event.generation.status}` : `${event.id} ${event.percent}%`;
const words = async (stream: AsyncIterable<GenerationEvent>) => (await all(stream)).map(wordOf);
const sentIds = () => server.seen.map(({ headers }) => headers.get("last-event-id"));

test("a stream gives typed events and ends after the final state", async () => {
  server.answer(() =>
    events(
      [
        soon,
        status("pending", 1),
        ":\n\n",
        status("processing", 2),
        progress(40, "2.9"),
        status("completed", 3),
      ],
      "stays",
    ),
  );
  expect(await words(client().generations.stream("g1"))).toEqual([
    "1 pending",
    "2 processing",
    "2.9 40%",
    "3 completed",
  ]);
  const [sent] = server.seen;
  expect(sent?.headers.get("accept")).toBe("text/event-stream");
  expect(sent?.headers.has("last-event-id")).toBe(false);
});

test("a stream that ends, breaks or cannot be opened reconnects and continues after its last event", async () => {
  const connections = [
    () => events([soon, status("pending", 1)]),
    () => {
      throw new TypeError("cut");
    },
    () => events([soon, status("processing", 2), progress(10, "2.4")], "breaks"),
    () => error(503, "database_unavailable", "Down.", { "Retry-After": "0" }),
    () => error(429, "too_many_streams", "Too many.", { "Retry-After": "0" }),
    () => events([soon, 'event: status\nid: 3\ndata: {"half":'], "ends"),
    () => events([soon, status("completed", 3)]),
  ];
  const ids: (string | null)[] = [];
  // Without a server, so that a body breaks only after its events were read.
  const connect: typeof fetch = async (_, init) => {
    ids.push(new Headers(init?.headers).get("last-event-id"));
    return connections[ids.length - 1]?.() ?? broken();
  };
  expect(await words(client({ fetch: connect }).generations.stream("g1"))).toEqual([
    "1 pending",
    "2 processing",
    "2.4 10%",
    "3 completed",
  ]);
  expect(ids).toEqual([null, "1", "1", "2.4", "2.4", "2.4", "2.4"]);
});

test("a stream with the lastEventId of the final event gives no events", async () => {
  server.answer(() => new Response(null, { status: 204 }));
  expect(await words(client().generations.stream("g1", { lastEventId: "3" }))).toEqual([]);
  expect(sentIds()).toEqual(["3"]);
});

test("a stream continues when its session expires: the client refreshes once and reconnects", async () => {
  const problem = `event: problem\ndata: {"status":401,"code":"invalid_token","detail":"No.","request_id":"r"}\n\n`;
  server.answer(({ path, headers }) => {
    if (path.endsWith("/refresh")) return json(tokens("b"));
    if (headers.get("authorization") !== "Bearer access-b") {
      return headers.has("last-event-id")
        ? error(401, "invalid_token", "Could not validate credentials")
        : events([soon, status("pending", 1), problem]);
    }
    return events([soon, status("completed", 3)]);
  });
  const one = client({ session: memorySession(session("a")) });
  expect(await words(one.generations.stream("g1"))).toEqual(["1 pending", "3 completed"]);
});

test("a `problem` event ends a stream with an ApiError", async () => {
  const problem = `event: problem\ndata: {"status":404,"code":"generation_not_found","detail":"Gone.","request_id":"r1"}\n\n`;
  server.answer(() => events([soon, status("pending", 1), problem]));
  await expect(words(client().generations.stream("g1"))).rejects.toMatchObject({
    status: 404,
    code: "generation_not_found",
    requestId: "r1",
  });
  expect(server.seen).toHaveLength(1);
});

test.each([
  ["a refusal", () => error(404, "generation_not_found", "Generation not found."), "generation_not_found"],
  ["an answer that is not a stream", () => json({ status: "completed" }), "unexpected_answer"],
])("%s ends a stream at once", async (_, reply, code) => {
  server.answer(reply);
  await expect(words(client().generations.stream("g1"))).rejects.toMatchObject({ code });
  expect(server.seen).toHaveLength(1);
});

test("a stream that reaches timeoutMs is a TimeoutError that says the generation continues", async () => {
  server.answer(() => events([soon, status("processing", 2)], "stays"));
  const streaming = words(client().generations.stream("g1", { timeoutMs: 300 }));
  await expect(streaming).rejects.toBeInstanceOf(TimeoutError);
  await expect(streaming).rejects.toThrow("Generation g1 is processing. It continues");
});

test("an abort ends a stream with its reason, and leaving the loop ends it without an error", async () => {
  server.answer(() => events([soon, status("pending", 1)], "stays"));
  const controller = new AbortController();
  const reason = new Error("the user left");
  const received: string[] = [];
  const loop = async () => {
    for await (const event of client().generations.stream("g1", { signal: controller.signal })) {
      received.push(wordOf(event));
      controller.abort(reason);
    }
  };
  await expect(loop()).rejects.toBe(reason);
  for await (const event of client().generations.stream("g1")) {
    received.push(wordOf(event));
    break;
  }
  expect(received).toEqual(["1 pending", "1 pending"]);
});
