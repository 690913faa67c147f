import { expect, test } from "vitest";
import { isFlat, percentile } from "./statistics.ts";

test.each([
  [[5, 1, 9], 0.5, 5],
  [[5, 1, 9], 0.99, 9],
  [[4], 0.95, 4],
])("of %j the quantile %f is %f", (values, share, expected) =>
  expect(percentile(values, share)).toBe(expected),
);

test.each([
  ["level", [300, 100, 101, 99, 102, 100, 101, 100], true],
  ["high only while it warms up", [500, 400, 100, 100, 100, 100, 100, 100], true],
  ["growing by a fifth at most", [100, 100, 100, 100, 110, 112, 118, 118], true],
  ["growing without an end", [100, 120, 140, 160, 180, 200, 220, 240], false],
  ["too few to tell", [10, 200, 900], true],
])("whether memory that is %s counts as flat (%#)", (_how, samples, expected) =>
  expect(isFlat(samples)).toBe(expected),
);
