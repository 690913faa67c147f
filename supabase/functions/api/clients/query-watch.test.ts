import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createQueryWatch, DeadlineError, type Query } from "./query-watch.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** Queries as the driver makes them: each ends when the test says so, and a canceled one fails. */
function driver(state: object | null) {
  const sent: (Query<string> & { answer: (rows: string) => void; fail: (error: Error) => void })[] = [];
  const send = () => {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const cancel = vi.fn(() => reject(new Error("canceled")));
    const query = Object.assign(promise, { state, cancel, answer: resolve, fail: reject });
    sent.push(query);
    return query;
  };
  return { sent, send };
}

/** What a query becomes that is given up before it was written. */
const nothing = { strings: ["select"], args: [] };

test("a query that was written is waited for until its deadline, then canceled and never sent again", async () => {
  const { sent, send } = driver({});
  const answer = createQueryWatch()(send, 8_000);
  const refused = expect(answer).rejects.toThrow(new DeadlineError(8_000));
  await vi.advanceTimersByTimeAsync(7_999);
  expect(sent[0]?.cancel).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(2);
  await refused;
  expect(sent).toHaveLength(1);
  expect(sent[0]?.cancel).toHaveBeenCalledOnce();
});

test("a query that was not written within a second is given up and sent once more", async () => {
  const { sent, send } = driver(null);
  const answer = createQueryWatch()(send, 8_000);
  await vi.advanceTimersByTimeAsync(3_000);
  expect(sent).toHaveLength(2);
  expect(sent[0]).toMatchObject(nothing);
  expect(sent[1]).not.toMatchObject(nothing);
  sent[1]?.answer("rows");
  await expect(answer).resolves.toBe("rows");
});

test("the deadline of a query that was sent once more counts from the first time", async () => {
  const { sent, send } = driver(null);
  const refused = expect(createQueryWatch()(send, 1_500)).rejects.toThrow(DeadlineError);
  await vi.advanceTimersByTimeAsync(1_501);
  await refused;
  expect(sent).toEqual([expect.objectContaining(nothing), expect.objectContaining(nothing)]);
});

test("what the query throws is thrown, at once", async () => {
  const { sent, send } = driver({});
  const answer = createQueryWatch()(send, 8_000);
  sent[0]?.fail(new Error("relation does not exist"));
  await expect(answer).rejects.toThrow("relation does not exist");
});

test("a thousand queries under way have one timer, and each has its own deadline", async () => {
  const { sent, send } = driver({});
  const watch = createQueryWatch();
  const ended: number[] = [];
  for (let n = 1; n <= 1_000; n++) watch(send, 10_000 - n).catch(() => ended.push(n));
  watch(send, 500).catch(() => ended.push(0));
  expect(vi.getTimerCount()).toBe(1);
  await vi.advanceTimersByTimeAsync(501);
  expect(ended).toEqual([0]);
  await vi.advanceTimersByTimeAsync(8_999);
  expect(ended).toEqual([0, ...Array.from({ length: 501 }, (_, index) => 1_000 - index)]);
  for (const { answer } of sent) answer("rows");
});

test("with nothing under way no timer is left", async () => {
  const { sent, send } = driver({});
  const answer = createQueryWatch()(send, 8_000);
  sent[0]?.answer("rows");
  await answer;
  await vi.advanceTimersByTimeAsync(1_001);
  expect(vi.getTimerCount()).toBe(0);
});
