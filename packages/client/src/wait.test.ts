import { expect, test } from "vitest";
import { TimeoutError } from "./errors.ts";
import { apiServer, broken, client, error, generation, json } from "./testing/server.ts";

const server = apiServer();

test("wait tells each status once and ends with the final one", async () => {
  const story = ["pending", "pending", "processing", "processing", "completed"];
  server.answer((_, call) => json(generation(story[call - 1] ?? "completed")));
  const told: string[] = [];
  const done = await client().generations.wait("g1", { onStatus: ({ status }) => told.push(status) });
  expect(done.status).toBe("completed");
  expect(told).toEqual(["pending", "processing", "completed"]);
  expect(server.seen[0]?.path).toBe("/api/v1/generation/g1/status?wait=25");
});

test.each(["completed", "failed", "canceled"])("%s is an end, with no further question", async (status) => {
  server.answer(() => json(generation(status)));
  expect((await client().generations.wait("g1")).status).toBe(status);
  expect(server.seen).toHaveLength(1);
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
