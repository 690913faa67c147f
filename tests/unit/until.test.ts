import { expect, test } from "vitest";
import { until } from "../support/until.ts";

test("until returns the first answer that is done", async () => {
  let asked = 0;
  expect(
    await until(
      "it was asked three times",
      () => ++asked,
      (count) => count === 3,
    ),
  ).toBe(3);
});

test("a timeout of until names what it waited for and the last answer", async () => {
  const row = async () => ({ status: "pending" });
  const isDone = ({ status }: { status: string }) => status === "completed";
  await expect(until("the generation is completed", row, isDone, 1)).rejects.toThrow(
    "Not within 0.001 s: the generation is completed. The last answer: { status: 'pending' }",
  );
});
