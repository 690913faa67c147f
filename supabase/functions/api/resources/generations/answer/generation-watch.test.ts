import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Database } from "../../../clients/database.ts";
import type { GenerationState } from "../store.ts";
import { GenerationWatch, maxPerCaller, type Wait, watchOf } from "./generation-watch.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const isOver: Wait["isOver"] = (state) => state === undefined || state.status === "completed";
const never = new AbortController().signal;
const wait = (of: Partial<Wait> = {}): Wait => ({
  id: "a",
  caller: "me",
  ms: 25_000,
  signal: never,
  isOver,
  ...of,
});

const stateOf = (id: string, status: GenerationState["status"]): GenerationState => ({
  id,
  status,
  prediction_id: null,
  processing_at: null,
});

/** A watch over these states that records each query. */
function createWatch(states: Record<string, GenerationState["status"]>) {
  const queries: string[][] = [];
  const watch = new GenerationWatch(async (ids) => {
    queries.push(ids);
    return ids.flatMap((id) => (states[id] === undefined ? [] : [stateOf(id, states[id])]));
  });
  return { watch, queries, states };
}

/** Records when a promise is done. */
function follow(promise: Promise<void>): { done: boolean } {
  const state = { done: false };
  void promise.then(() => {
    state.done = true;
  });
  return state;
}

test("200 waiting callers cause one query a second together, and none after they have left", async () => {
  const { watch, queries } = createWatch({ a: "processing", b: "processing" });
  const waits = Array.from({ length: 200 }, (_, index) =>
    follow(watch.wait(wait({ id: index % 2 === 0 ? "a" : "b", caller: `person ${index}`, ms: 10_000 }))),
  );
  await vi.advanceTimersByTimeAsync(9_999);
  expect(queries).toHaveLength(9);
  expect(queries.every((ids) => ids.length === 2)).toBe(true);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(waits.every(({ done }) => done)).toBe(true);
  expect(queries.length).toBeLessThanOrEqual(11);
});

test("a waiting caller gets an answer within a second of the end, and callers of other generations wait on", async () => {
  const { watch, states } = createWatch({ a: "processing", b: "processing" });
  const [first, second] = [follow(watch.wait(wait())), follow(watch.wait(wait({ id: "b" })))];
  await vi.advanceTimersByTimeAsync(3_500);
  expect([first.done, second.done]).toEqual([false, false]);
  states.a = "completed";
  await vi.advanceTimersByTimeAsync(1_000);
  expect([first.done, second.done]).toEqual([true, false]);
});

test("a wait ends when its generation was deleted", async () => {
  const { watch } = createWatch({});
  const waiting = follow(watch.wait(wait()));
  await vi.advanceTimersByTimeAsync(1_000);
  expect(waiting.done).toBe(true);
});

test("a caller who has the most waits is answered at once, and another caller can wait", async () => {
  const { watch } = createWatch({ a: "processing" });
  const held = Array.from({ length: maxPerCaller }, () => follow(watch.wait(wait())));
  const more = follow(watch.wait(wait()));
  const other = follow(watch.wait(wait({ caller: "somebody else" })));
  await vi.advanceTimersByTimeAsync(0);
  expect([held.some(({ done }) => done), more.done, other.done]).toEqual([false, true, false]);
  await vi.advanceTimersByTimeAsync(25_000);
  const again = follow(watch.wait(wait()));
  await vi.advanceTimersByTimeAsync(0);
  expect(again.done).toBe(false);
});

test("a caller who disconnects frees all waits and causes no more queries", async () => {
  const { watch, queries } = createWatch({ a: "processing" });
  const controller = new AbortController();
  const held = Array.from({ length: maxPerCaller }, () =>
    follow(watch.wait(wait({ signal: controller.signal }))),
  );
  await vi.advanceTimersByTimeAsync(1_500);
  controller.abort();
  await vi.advanceTimersByTimeAsync(0);
  expect(held.every(({ done }) => done)).toBe(true);
  const count = queries.length;
  await vi.advanceTimersByTimeAsync(10_000);
  expect(queries.length - count).toBeLessThanOrEqual(1);
  const late = follow(watch.wait(wait({ signal: controller.signal })));
  await vi.advanceTimersByTimeAsync(0);
  expect(late.done).toBe(true);
});

test("a failed query is repeated a second later", async () => {
  let calls = 0;
  const watch = new GenerationWatch(async () => {
    if (++calls === 1) throw new Error("no connection");
    return [stateOf("a", "completed")];
  });
  const waiting = follow(watch.wait(wait()));
  await vi.advanceTimersByTimeAsync(1_000);
  expect(waiting.done).toBe(false);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(waiting.done).toBe(true);
});

test("all requests of a process share one watch", () => {
  const ofProcess = {} as Database;
  const [one, another] = [{ ofProcess }, { ofProcess }].map((database) => watchOf(database as Database));
  expect(one).toBe(another);
});
