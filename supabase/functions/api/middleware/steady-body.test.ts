import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { readRest } from "../read-rest.ts";
import { steadyBody } from "./steady-body.ts";

// Fake timers, so that a busy machine does not look like a slow sender.
beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
});
afterEach(() => {
  vi.useRealTimers();
});

const limits = { idleMs: 40, graceMs: 60, bytesPerSecond: () => 10_000 };

/** A request whose body arrives in chunks, each after a pause. With `ends` false the body never ends. */
function trickle(chunkPlan: { after_ms: number; bytes: number }[], ends = true) {
  let isCanceled = false;
  const waiting = [...chunkPlan];
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const next = waiting.shift();
      if (next === undefined) return ends ? controller.close() : new Promise(() => {});
      await new Promise((resolve) => setTimeout(resolve, next.after_ms));
      controller.enqueue(new Uint8Array(next.bytes));
    },
    cancel: () => {
      isCanceled = true;
    },
  });
  const init = { method: "POST", body, duplex: "half" };
  return { request: new Request("http://api.test/", init), isCanceled: () => isCanceled };
}

/** Advances the timers until the work has ended. */
async function withTimers<T>(work: Promise<T>): Promise<T> {
  let hasEnded = false;
  const ended = () => {
    hasEnded = true;
  };
  work.then(ended, ended);
  while (!hasEnded) await vi.advanceTimersByTimeAsync(1);
  return work;
}

async function count(chunks: AsyncIterable<Uint8Array>): Promise<number> {
  let size = 0;
  for await (const chunk of chunks) size += chunk.byteLength;
  return size;
}
const sizeOf = (chunks: AsyncIterable<Uint8Array>) => withTimers(count(chunks));

test("a body that arrives steadily is read completely", async () => {
  const { request } = trickle(Array.from({ length: 10 }, () => ({ after_ms: 10, bytes: 1_000 })));
  expect(await sizeOf(steadyBody(request, limits))).toBe(10_000);
});

test("a body that stops arriving is refused with 408, and its stream is canceled by the reader of the rest", async () => {
  const { request, isCanceled } = trickle([{ after_ms: 0, bytes: 1_000 }], false);
  await expect(sizeOf(steadyBody(request, limits))).rejects.toMatchObject({
    code: "body_timeout",
    status: 408,
  });
  expect(isCanceled()).toBe(false);
  await withTimers(readRest(request));
  expect(isCanceled()).toBe(true);
});

test("a body that arrives too slowly is refused, even without long pauses", async () => {
  const { request } = trickle(Array.from({ length: 100 }, () => ({ after_ms: 10, bytes: 1 })));
  await expect(sizeOf(steadyBody(request, limits))).rejects.toMatchObject({ code: "body_timeout" });
});

test("a body that arrives fast at first and then too slowly is refused", async () => {
  const slow = Array.from({ length: 100 }, () => ({ after_ms: 10, bytes: 1 }));
  const { request } = trickle([{ after_ms: 0, bytes: 10_000_000 }, ...slow]);
  let read = 0;
  const chunks = steadyBody(request, limits);
  await expect(
    withTimers(
      (async () => {
        for await (const chunk of chunks) read += chunk.byteLength;
      })(),
    ),
  ).rejects.toMatchObject({ code: "body_timeout" });
  expect(read).toBeLessThan(10_000_050);
});

test("a slow reader does not make a body too slow", async () => {
  const { request } = trickle(Array.from({ length: 4 }, () => ({ after_ms: 0, bytes: 100 })));
  async function* slowly() {
    for await (const chunk of steadyBody(request, limits)) {
      await new Promise((resolve) => setTimeout(resolve, 2 * limits.graceMs));
      yield chunk;
    }
  }
  expect(await sizeOf(slowly())).toBe(400);
});

test("a request without a body is read as empty", async () => {
  expect(await sizeOf(steadyBody(new Request("http://api.test/"), limits))).toBe(0);
});
