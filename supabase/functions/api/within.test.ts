import { expect, test, vi } from "vitest";
import { within } from "./within.ts";

const late = () => new Error("late");

test("work that ends in time gives its result or its error, and leaves no timer", async () => {
  vi.useFakeTimers();
  try {
    expect(await within(100, Promise.resolve("done"), late)).toBe("done");
    await expect(within(100, Promise.reject(new Error("broken")), late)).rejects.toThrow("broken");
    expect(vi.getTimerCount()).toBe(0);
  } finally {
    vi.useRealTimers();
  }
});

test("an answer that arrived while the process was busy is not late", async () => {
  // The timer of the answer is due after the deadline, but before the busy loop ends.
  const answer = new Promise((resolve) => setTimeout(resolve, 12, "arrived"));
  const found = within(10, answer, late);
  const until = performance.now() + 30;
  while (performance.now() < until);
  expect(await found).toBe("arrived");
});

test("work that never ends fails at its deadline", async () => {
  await expect(within(1, new Promise(() => {}), late)).rejects.toThrow("late");
});
