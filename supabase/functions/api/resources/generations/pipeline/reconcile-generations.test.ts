import { expect, test } from "vitest";
import { CopyError } from "../../../clients/fetch-file.ts";
import { ApiError } from "../../../errors.ts";
import { lastCode } from "./reconcile-generations.ts";

const minute = 60_000;
const broken = new Error("Replicate answered 500 to GET prediction");

test.each<[string, string | null, string | null, unknown, number]>([
  ["waits for a provider that does not answer", null, "p1", broken, 99 * minute],
  ["fails after 100 minutes without an answer", "provider_unavailable", "p1", broken, 101 * minute],
  ["fails after 100 minutes without a prediction id", "submission_unclear", null, broken, 101 * minute],
  ["fails at once when the answer is too large", "output_invalid", "p1", new CopyError("too_large", ""), 0],
  [
    "waits during an outage of the database",
    null,
    "p1",
    new ApiError("database_unavailable"),
    1_000 * minute,
  ],
])("a generation %s: %s", (_, code, predictionId, error, age) => {
  expect(lastCode({ prediction_id: predictionId }, error, age)).toBe(code);
});
