import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { readRest } from "./read-rest.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** A request whose body has `chunks` of a megabyte, one each `everyMs`. With `ends` false nothing comes after them. */
function upload(chunks: number, everyMs: number, ends = true) {
  const seen = { read: 0, isCanceled: false };
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        if (seen.read === chunks) return ends ? controller.close() : new Promise(() => {});
        await new Promise((resolve) => setTimeout(resolve, everyMs));
        seen.read++;
        controller.enqueue(new Uint8Array(1024 * 1024));
      },
      cancel: () => {
        seen.isCanceled = true;
      },
    },
    { highWaterMark: 0 },
  );
  const init = { method: "POST", body, duplex: "half" };
  return { request: new Request("http://api.test/", init), seen };
}

/** Advances the timers until the work has ended. Returns its time in ms. */
async function timeOf(work: Promise<void>): Promise<number> {
  const start = Date.now();
  let hasEnded = false;
  work.finally(() => {
    hasEnded = true;
  });
  while (!hasEnded) await vi.advanceTimersByTimeAsync(10);
  return Date.now() - start;
}

test("the rest of a body that was read in part is read to its end", async () => {
  const { request, seen } = upload(45, 0);
  const reader = request.body?.getReader();
  await timeOf(Promise.resolve(reader?.read()).then(() => {}));
  reader?.releaseLock();
  await timeOf(readRest(request));
  expect(seen).toEqual({ read: 45, isCanceled: false });
});

test("at most 52 MB of a rest are read", async () => {
  const { request, seen } = upload(60, 0);
  await timeOf(readRest(request));
  expect(seen).toEqual({ read: 52, isCanceled: true });
});

test("a rest that arrives slowly is read for ten seconds", async () => {
  const { request, seen } = upload(60, 1_000);
  const time = await timeOf(readRest(request));
  expect(seen).toEqual({ read: 10, isCanceled: true });
  expect(time).toBeLessThan(11_100);
});

test("the reading ends when no byte arrives for three seconds", async () => {
  const { request, seen } = upload(2, 0, false);
  const time = await timeOf(readRest(request));
  expect(seen).toEqual({ read: 2, isCanceled: true });
  expect(time).toBeGreaterThanOrEqual(3_000);
  expect(time).toBeLessThan(3_200);
});
