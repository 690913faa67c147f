import { expect, test } from "vitest";
import { countRequest } from "./count-request.ts";
import { type RedisClient, type RedisCount, RedisUnavailable } from "./redis.ts";

const announced = "requests|requests:a|10|86400";
const told = { name: "requests", limit: 10, window: 86_400 };
const byPostgres = { ...told, remaining: 4, resets_in: 5 };
const byOne = { ...byPostgres, taken: 1 };

/** What Redis answers, or how it fails, and what becomes of the request. */
const cases: [string, string, RedisCount | Error, unknown][] = [
  [
    "a request within the limit",
    announced,
    { taken: 1, used: 1, resets_in: 60 },
    { ...told, remaining: 9, resets_in: 60, taken: 1 },
  ],
  [
    "the last one",
    announced,
    { taken: 1, used: 10, resets_in: 60 },
    { ...told, remaining: 0, resets_in: 60, taken: 1 },
  ],
  [
    "one too many",
    announced,
    { taken: 0, used: 10, resets_in: 60 },
    expect.objectContaining({
      code: "rate_limited",
      retryAfterSeconds: 60,
      rateLimit: { ...told, remaining: 0, resets_in: 60 },
    }),
  ],
  [
    "one after the limit was lowered",
    announced,
    { taken: 0, used: 50, resets_in: 60 },
    expect.objectContaining({ rateLimit: expect.objectContaining({ remaining: 0 }) }),
  ],
  ["no answer of Redis", announced, new RedisUnavailable(new Error("gone")), byOne],
  ["a mistake of ours", announced, new TypeError("ours"), new TypeError("ours")],
  ["a limit that Postgres counted itself", JSON.stringify(byPostgres), new Error("not asked"), byOne],
];

test.each(cases)("%s", async (_name, text, answer, expected) => {
  const redis = {
    count: async () => {
      if (answer instanceof Error) throw answer;
      return answer;
    },
  } as unknown as RedisClient;
  const outcome = await countRequest(redis, text, 1, async () => byPostgres).catch((error: unknown) => error);
  expect(outcome).toEqual(expected);
});
