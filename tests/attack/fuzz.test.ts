import { expect, inject, test } from "vitest";
import { fuzz } from "../support/fuzz/fuzz.ts";
import { fuzzTarget } from "../support/fuzz/target.ts";

const seed = Number(process.env.FUZZ_SEED ?? 20_261_124);
/** The anonymous create has a global budget, so tests/api/anonymous-generation.test.ts fuzzes it. */
const isAnonymousCreate = (id: string) => id === "generations.createAnonymous";

test("random requests to every operation by every kind of caller never get a 5xx, an undocumented answer or no answer", async () => {
  const { requests, statuses, unreached, failures } = await fuzz({
    target: fuzzTarget(inject("stack")),
    seed,
    runs: 20,
    within_ms: 5_000,
    only: ({ id }) => !isAnonymousCreate(id),
  });
  console.log(
    `Fuzz with seed ${seed}: ${requests} requests, ${JSON.stringify(statuses)}, ${unreached.length} operations never succeeded`,
  );
  expect(failures).toEqual([]);
  expect(requests).toBeGreaterThan(200);
  for (const status of ["200", "401", "422"]) expect(statuses[status], status).toBeGreaterThan(0);
});
