import { expect, test } from "vitest";
import { CopyError } from "../../../clients/fetch-file.ts";
import { ApiError } from "../../../errors.ts";
import { lastCode } from "./reconcile-generations.ts";

const minute = 60_000;
const broken = new Error("Replicate answered 500 to GET prediction");

test.each<[string, string | null, string | null, unknown, number]>([
  ["a provider that does not answer may be back", null, "p1", broken, 99 * minute],
  ["after 100 minutes nothing is left there", "provider_unavailable", "p1", broken, 101 * minute],
  ["nor is a request known that nobody confirmed", "submission_unclear", null, broken, 101 * minute],
  ["an answer that is too large stays so", "output_invalid", "p1", new CopyError("too_large", ""), 0],
  ["our database ends nothing", null, "p1", new ApiError("database_unavailable"), 1_000 * minute],
])("%s: %s", (_, code, predictionId, error, age) => {
  expect(lastCode({ prediction_id: predictionId }, error, age)).toBe(code);
});
