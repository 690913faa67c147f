import { expect, inject, test } from "vitest";
import { fuzz } from "../support/fuzz/fuzz.ts";
import { fuzzTarget } from "../support/fuzz/target.ts";

const seed = Number(process.env.FUZZ_SEED ?? 20_261_124);
/** Its visitors count: they have their turn in tests/api/anonymous-generation.test.ts. */
const isForVisitors = (id: string) => id === "generations.createAnonymous";

test("no random request to any operation, valid or not, by any kind of caller, gets a 5xx, an answer that is not documented, or none", async () => {
  const { requests, statuses, unreached, failures } = await fuzz({
    target: fuzzTarget(inject("stack")),
    seed,
    runs: 20,
    within_ms: 5_000,
    only: ({ id }) => !isForVisitors(id),
  });
  console.log(
    `Fuzz with seed ${seed}: ${requests} requests, ${JSON.stringify(statuses)}, ${unreached.length} operations never succeeded`,
  );
  expect(failures).toEqual([]);
  expect(requests).toBeGreaterThan(200);
  for (const status of ["200", "401", "422"]) expect(statuses[status], status).toBeGreaterThan(0);
});
