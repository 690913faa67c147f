import { expect, test } from "vitest";
import { countRequest } from "./count-request.ts";
import { type RedisClient, type RedisCount, RedisUnavailable } from "./redis.ts";

const announced = "requests|requests:a|10|86400";
const policy = { name: "requests", limit: 10, window: 86_400 };
const byPostgres = { ...policy, remaining: 4, resets_in: 5 };
const byPostgresTaken = { ...byPostgres, taken: 1 };

/** The announced limit, the answer or failure of Redis, and the outcome. */
const cases: [string, string, RedisCount | Error, unknown][] = [
  [
    "counts a request within the limit",
    announced,
    { taken: 1, used: 1, resets_in: 60 },
    { ...policy, remaining: 9, resets_in: 60, taken: 1 },
  ],
  [
    "counts the last request of a window",
    announced,
    { taken: 1, used: 10, resets_in: 60 },
    { ...policy, remaining: 0, resets_in: 60, taken: 1 },
  ],
  [
    "refuses a request beyond the limit",
    announced,
    { taken: 0, used: 10, resets_in: 60 },
    expect.objectContaining({
      code: "rate_limited",
      retryAfterSeconds: 60,
      rateLimit: { ...policy, remaining: 0, resets_in: 60 },
    }),
  ],
  [
    "refuses a request with no remaining ones after the limit was lowered",
    announced,
    { taken: 0, used: 50, resets_in: 60 },
    expect.objectContaining({ rateLimit: expect.objectContaining({ remaining: 0 }) }),
  ],
  [
    "counts in PostgreSQL when Redis does not answer",
    announced,
    new RedisUnavailable(new Error("gone")),
    byPostgresTaken,
  ],
  ["throws an unexpected error of its own", announced, new TypeError("ours"), new TypeError("ours")],
  [
    "does not ask Redis when PostgreSQL has counted",
    JSON.stringify(byPostgres),
    new Error("not asked"),
    byPostgresTaken,
  ],
];

test.each(cases)("countRequest %s", async (_name, text, answer, expected) => {
  const redis = {
    count: async () => {
      if (answer instanceof Error) throw answer;
      return answer;
    },
  } as unknown as RedisClient;
  const outcome = await countRequest(redis, text, 1, async () => byPostgres).catch((error: unknown) => error);
  expect(outcome).toEqual(expected);
});
