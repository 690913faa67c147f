import fc from "fast-check";
import { expect, test } from "vitest";
import { ApiError } from "../errors.ts";
import { createLeases } from "./leases.ts";

const windowSeconds = 60;

/** A shared counter like those of PostgreSQL and Redis. Every call waits for `pause`. */
function createCounter(limit: number, pause: () => Promise<void> = async () => {}) {
  const counter = { used: 0, calls: 0, refusals: 0, limit };
  const state = () => ({
    name: "reads",
    limit: counter.limit,
    remaining: counter.limit - counter.used,
    window: windowSeconds,
    resets_in: windowSeconds,
  });
  async function work(asked: number) {
    if (asked === 0) {
      await pause();
      return { result: "answer", limit: counter.limit };
    }
    await pause();
    counter.calls++;
    if (counter.used >= counter.limit) {
      counter.refusals++;
      const refusal = new ApiError("rate_limited", { rateLimit: state() });
      await pause();
      throw refusal;
    }
    const taken = Math.max(1, Math.min(asked, Math.floor((counter.limit - counter.used) / 32)));
    counter.used += taken;
    const take = { ...state(), taken };
    await pause();
    return { result: "answer", take };
  }
  return { counter, work };
}

const outcomeOf = (answer: Promise<unknown>) =>
  answer.then(
    () => "answered" as const,
    (error) => (error instanceof ApiError && error.code === "rate_limited" ? ("refused" as const) : error),
  );
const countOf = <T>(list: T[], item: T) => list.filter((one) => one === item).length;

test("exactly 100 of 1,000 simultaneous requests pass a limit of 100, with one instance and with two", async () => {
  for (const instances of [1, 2]) {
    const { counter, work } = createCounter(100, () => new Promise((resolve) => setImmediate(resolve)));
    const lends = Array.from({ length: instances }, () => createLeases());
    const answers = Array.from({ length: 1_000 }, (_, at) =>
      outcomeOf((lends[at % instances] as (typeof lends)[number])("reads:a", work)),
    );
    const outcomes = await Promise.all(answers);
    expect([countOf(outcomes, "answered"), countOf(outcomes, "refused")]).toEqual([100, 900]);
    expect(counter.used).toBe(100);
  }
});

test("a limit is used completely and never exceeded, whatever the order of answers", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      fc.integer({ min: 1, max: 80 }),
      fc.array(fc.nat(1), { minLength: 1, maxLength: 120 }),
      async (scheduler, limit, requests) => {
        const { counter, work } = createCounter(limit, () => scheduler.schedule(Promise.resolve()));
        const lends = [createLeases(), createLeases()];
        const answers = requests.map((at) =>
          outcomeOf((lends[at] as (typeof lends)[number])("reads:a", work)),
        );
        await scheduler.waitFor(Promise.all(answers));
        const outcomes = await Promise.all(answers);
        const answered = countOf(outcomes, "answered");
        expect(counter.used).toBeLessThanOrEqual(limit);
        expect(answered).toBeLessThanOrEqual(counter.used);
        expect(answered + countOf(outcomes, "refused")).toBe(requests.length);
        // An instance may hold requests that it does not need. The other instance cannot use them.
        if (requests.every((at) => at === requests[0]))
          expect(answered).toBe(Math.min(limit, requests.length));
      },
    ),
    { numRuns: 300 },
  );
});

test("each lease of a busy caller is twice as large as the last one, up to 64 requests", async () => {
  const { counter, work } = createCounter(1_000_000);
  const lend = createLeases();
  const asked: number[] = [];
  for (let turn = 0; turn < 1_000; turn++)
    await lend("reads:a", (count) => {
      if (count > 0) asked.push(count);
      return work(count);
    });
  expect(asked.slice(0, 7)).toEqual([2, 4, 8, 16, 32, 64, 64]);
  expect(counter.calls).toBeLessThan(1_000 / 40);
});

test("each answer has one request less remaining, and a small limit is counted one by one", async () => {
  for (const limit of [20, 2_000]) {
    const { counter, work } = createCounter(limit);
    const lend = createLeases();
    const remaining = [];
    for (let turn = 0; turn < limit; turn++)
      remaining.push((await lend("reads:a", work)).rate_limit?.remaining);
    expect(remaining).toEqual(Array.from({ length: limit }, (_, at) => limit - 1 - at));
    if (limit === 20) expect(counter.calls).toBe(20);
  }
});

test("a refused caller is refused from memory until the window ends, and other callers are not", async () => {
  let time = 0;
  const { counter, work } = createCounter(1);
  const lend = createLeases(() => time);
  await lend("reads:a", work);
  const refuse = () => lend("reads:a", work).catch((error: ApiError) => error.rateLimit);
  expect(await refuse()).toMatchObject({ limit: 1, remaining: 0, resets_in: 60 });
  time = 58_500;
  expect(await refuse()).toMatchObject({ limit: 1, remaining: 0, resets_in: 2 });
  expect(counter.refusals).toBe(1);
  counter.used = 0;
  expect((await lend("reads:b", work)).result).toBe("answer");
  counter.used = 0;
  time = 59_000;
  expect((await lend("reads:a", work)).result).toBe("answer");
});

test("a lease that is left when its window ends is not used in the next window", async () => {
  let time = 0;
  const { counter, work } = createCounter(1_000);
  const lend = createLeases(() => time);
  for (let turn = 0; turn < 4; turn++) await lend("reads:a", work);
  const { used } = counter;
  expect(used).toBeGreaterThan(4);
  time = 59_000;
  await lend("reads:a", work);
  expect(counter.used).toBe(used + 2);
});

test("a request that failed or that no hot read answers uses up nothing of the lease", async () => {
  const { counter, work } = createCounter(1_000);
  const lend = createLeases();
  await lend("reads:a", work);
  await expect(lend("reads:a", async () => Promise.reject(new TypeError("gone")))).rejects.toThrow("gone");
  expect(await lend("reads:a", async () => ({ result: undefined }))).toEqual({ result: undefined });
  expect((await lend("reads:a", work)).rate_limit?.remaining).toBe(998);
  expect(counter.used).toBe(2);
});

test("a changed plan applies from the second request on", async () => {
  const { counter, work } = createCounter(1_000);
  const lend = createLeases();
  for (let turn = 0; turn < 3; turn++) await lend("reads:a", work);
  counter.limit = 10;
  expect((await lend("reads:a", work)).rate_limit?.limit).toBe(1_000);
  expect((await lend("reads:a", work)).rate_limit?.limit).toBe(10);
});

test("without a limit no request is counted and no rate limit is reported, until the plan sets one", async () => {
  const lend = createLeases();
  let limit: number | null = null;
  const work = async (asked: number) => {
    if (asked === 0) return { result: "answer", limit };
    calls++;
    return { result: "answer", take: limit === null ? null : { ...limited, limit, taken: 2 } };
  };
  const limited = { name: "reads", remaining: 98, window: 60, resets_in: 60 };
  let calls = 0;
  const ask = () => lend("reads:a", work);
  for (let turn = 0; turn < 3; turn++) expect(await ask()).toEqual({ result: "answer", rate_limit: null });
  expect(calls).toBe(1);
  limit = 100;
  expect((await ask()).rate_limit).toBeNull();
  expect((await ask()).rate_limit).toMatchObject({ limit: 100, remaining: 99 });
  expect((await ask()).rate_limit).toMatchObject({ limit: 100, remaining: 98 });
  expect(calls).toBe(2);
});

test("a late answer from before a new limit leaves at most one request uncounted", async () => {
  const lend = createLeases();
  const { counter, work } = createCounter(1_000);
  let answerLate = () => {};
  const late = lend(
    "reads:a",
    () =>
      new Promise<{ result: string; take: null }>((resolve) => {
        answerLate = () => resolve({ result: "answer", take: null });
      }),
  );
  await lend("reads:a", work);
  await lend("reads:a", work);
  answerLate();
  expect((await late).rate_limit).toBeNull();
  await lend("reads:a", work);
  for (let turn = 0; turn < 9; turn++) expect((await lend("reads:a", work)).rate_limit).not.toBeNull();
  expect(counter.used).toBeGreaterThan(9);
});
