import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { inBatches } from "./in-batches.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"] }));
afterEach(() => void vi.useRealTimers());

test("batches are claimed until fewer are due than a whole one, and failures are counted", async () => {
  const batches = [[1, 2], [3, 4], [5]];
  const work = async (batch: number[]) => batch.filter((number) => number === 3).length;
  expect(await inBatches(async () => batches.shift() ?? [], work, 2)).toEqual({ checked: 5, failed: 1 });
});

test("a job with endless batches of ten seconds stops in time for the other jobs", async () => {
  let claims = 0;
  const claim = async () => {
    claims++;
    return [claims];
  };
  const work = async () => {
    vi.setSystemTime(Date.now() + 10_000);
    return 0;
  };
  expect(await inBatches(claim, work, 1)).toEqual({ checked: 2, failed: 0 });
  expect(claims).toBe(2);
});
