import fc from "fast-check";
import { expect, test } from "vitest";
import { readProgress } from "./progress.ts";

test.each<[logs: string, percent: number | null, log: string]>([
  ["Using seed: 7\n", null, "Using seed: 7"],
  [
    "Using seed: 7\n 10%|█   | 1/10 [00:00<00:01]\n 20%|██  | 2/10 [00:00<00:01]\n",
    20,
    "20%|██  | 2/10 [00:00<00:01]",
  ],
  ["\r  0%|    | 0/4\r 25%|█   | 1/4", 25, "25%|█   | 1/4"],
  ["100%|████| 4/4\nSaving the picture\n\n", 100, "Saving the picture"],
  ["Loaded 0.5% of 250% weights\n", null, "Loaded 0.5% of 250% weights"],
  ["\u001b[32mready\u001b[0m\u202e\n", null, "[32mready[0m"],
])("the log %j gives %s percent", (logs, percent, log) => {
  expect(readProgress(logs)).toEqual({ position: logs.length, percent, log });
});

test.each(["", "\n", " \r\n\t"])("the log %j gives no progress", (logs) => {
  expect(readProgress(logs)).toBeNull();
});

test("any log of a model becomes one short line of printable characters", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 10_000 }), (logs) => {
      const progress = readProgress(logs);
      if (progress === null) return;
      expect(progress.position).toBe(logs.length);
      expect([...progress.log].length).toBeLessThanOrEqual(200);
      expect(progress.log).not.toMatch(/\p{C}|[\r\n]/u);
      expect(progress.percent ?? 0).toBeLessThanOrEqual(100);
    }),
  );
});
