import { getEventListeners } from "node:events";
import { afterEach, expect, test, vi } from "vitest";
import { ApiError, ConnectionError, RateLimitError, TimeoutError } from "./errors.ts";
import { backoffMs, parseRetryAfter, retryDelay } from "./retry-delay.ts";
import { sleep } from "./sleep.ts";
import { startTimer } from "./start-timer.ts";
import { onAbort, untilAborted } from "./until-aborted.ts";

const now = Date.parse("2026-11-24T12:00:00Z");

test.each([
  [null, null],
  ["0", 0],
  ["7", 7_000],
  ["1.5", 1_500],
  ["Tue, 24 Nov 2026 12:00:30 GMT", 30_000],
  ["Tue, 24 Nov 2026 11:00:00 GMT", 0],
  ["soon", null],
  ["-3", null],
  ["2026", 2_026_000],
  ["", null],
])("the Retry-After header %j means %j ms", (header, expected) => {
  expect(parseRetryAfter(header, null, now)).toBe(expected);
});

test.each([
  ["Tue, 24 Nov 2026 12:00:30 GMT"],
  ["Tuesday, 24-Nov-26 12:00:30 GMT"],
  ["Tue Nov 24 12:00:30 2026"],
])("the Retry-After date %j is relative to the server's Date header, not to the local clock", (header) => {
  const server = "Tue, 24 Nov 2026 12:00:00 GMT";
  for (const clock of [now, now - 3_600_000, now + 3_600_000])
    expect(parseRetryAfter(header, server, clock)).toBe(30_000);
});

const answer = (status: number, retryAfterMs: number | null = null, code = "some_code") =>
  new (status === 429 ? RateLimitError : ApiError)({ status, code, detail: "No.", retryAfterMs });

test.each<[string, unknown, number | null]>([
  ["a broken connection", new ConnectionError("x"), 500],
  ["no answer in time", new TimeoutError("x"), 500],
  ["408", answer(408), 500],
  ["429", answer(429), 500],
  ["500", answer(500), 500],
  ["502", answer(502), 500],
  ["503", answer(503), 500],
  ["504", answer(504), 500],
  ["429 with a wait", answer(429, 3_000), 3_000],
  ["503 with a wait", answer(503, 1_000), 1_000],
  ["429 with a wait of a minute", answer(429, 60_000), 60_000],
  ["429 with a wait of more than a minute", answer(429, 60_001), null],
  ["409 while the first request runs", answer(409, 2_000, "idempotency_key_in_use"), 2_000],
  ["another 409", answer(409), null],
  ["400", answer(400), null],
  ["401", answer(401), null],
  ["403", answer(403), null],
  ["404", answer(404), null],
  ["422", answer(422), null],
  ["an error of the program", new TypeError("x"), null],
])("after %s the delay before the next attempt is as documented", (_, error, expected) => {
  expect(retryDelay(error, 0, 1)).toBe(expected);
});

test("the delay between attempts doubles up to eight seconds, and is random by up to half", () => {
  expect([0, 1, 2, 3, 4, 5, 20].map((attempt) => backoffMs(attempt, 1))).toEqual([
    500, 1000, 2000, 4000, 8000, 8000, 8000,
  ]);
  expect(backoffMs(2, 0)).toBe(1000);
});

test("an abort rejects a sleep and a waiting promise with its reason", async () => {
  const controller = new AbortController();
  const never = new Promise(() => {});
  const both = [sleep(60_000, controller.signal), untilAborted(never, controller.signal)];
  controller.abort("enough");
  expect(await Promise.allSettled(both)).toEqual([
    { status: "rejected", reason: "enough" },
    { status: "rejected", reason: "enough" },
  ]);
  await expect(sleep(60_000, controller.signal)).rejects.toBe("enough");
});

test("a hundred callbacks on one signal use one listener, and each can be removed", () => {
  const { signal, abort } = new (class extends AbortController {
    override abort = (reason?: unknown) => super.abort(reason);
  })();
  const acted: number[] = [];
  const stops = Array.from({ length: 100 }, (_, at) => onAbort(signal, () => acted.push(at)));
  expect(getEventListeners(signal, "abort")).toHaveLength(1);
  for (const stop of stops.slice(0, 98)) stop();
  abort();
  expect(acted).toEqual([98, 99]);
  onAbort(signal, () => acted.push(100));
  expect(acted).toEqual([98, 99, 100]);
});

afterEach(() => {
  vi.useRealTimers();
});

test("a timer can run for more than 24.8 days, and Infinity never ends", () => {
  vi.useFakeTimers();
  const ended: string[] = [];
  startTimer(2 ** 31 + 5_000, () => ended.push("long"));
  startTimer(Number.POSITIVE_INFINITY, () => ended.push("infinite"));
  const stop = startTimer(2 ** 33, () => ended.push("stopped"));
  vi.advanceTimersByTime(2 ** 31 + 4_000);
  stop();
  expect(ended).toEqual([]);
  vi.advanceTimersByTime(1_000);
  expect(ended).toEqual(["long"]);
  vi.advanceTimersByTime(2 ** 34);
  expect(ended).toEqual(["long"]);
});
