import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createDeadlines } from "./deadlines.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

test("a deadline passes once, at its time and not before", async () => {
  const pass = vi.fn();
  createDeadlines()(8_000, pass);
  await vi.advanceTimersByTimeAsync(7_999);
  expect(pass).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(100_000);
  expect(pass).toHaveBeenCalledOnce();
});

test("a deadline that is ended before its time never passes", async () => {
  const pass = vi.fn();
  const end = createDeadlines()(8_000, pass);
  end();
  await vi.advanceTimersByTimeAsync(100_000);
  expect(pass).not.toHaveBeenCalled();
});

test("a thousand deadlines share one timer, and each passes at its own time", async () => {
  const startDeadline = createDeadlines();
  const passed: number[] = [];
  for (let n = 1; n <= 1_000; n++) startDeadline(10_000 - n, () => passed.push(n));
  startDeadline(500, () => passed.push(0));
  expect(vi.getTimerCount()).toBe(1);
  await vi.advanceTimersByTimeAsync(501);
  expect(passed).toEqual([0]);
  await vi.advanceTimersByTimeAsync(8_999);
  expect(passed).toEqual([0, ...Array.from({ length: 501 }, (_, index) => 1_000 - index)]);
});

test("a deadline that starts another one does not end the others", async () => {
  const startDeadline = createDeadlines();
  const passed: string[] = [];
  startDeadline(100, () => {
    passed.push("first");
    startDeadline(50, () => passed.push("second"));
  });
  startDeadline(200, () => passed.push("third"));
  await vi.advanceTimersByTimeAsync(1_000);
  expect(passed).toEqual(["first", "second", "third"]);
});

test("no timer is left when every deadline has ended", async () => {
  const end = createDeadlines()(8_000, () => {});
  end();
  await vi.advanceTimersByTimeAsync(8_001);
  expect(vi.getTimerCount()).toBe(0);
});
