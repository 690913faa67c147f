import { expect, test } from "vitest";
import { openApiDocument } from "../../../scripts/openapi/openapi-document.ts";
import type { Schema } from "../../../scripts/openapi/openapi-examples.ts";
import { limitHeaders, parseAnnounced } from "./rate-limit.ts";

test.each([
  [
    { name: "requests", limit: 1000, remaining: 999, window: 86_400, resets_in: 43_200 },
    ["1000", "999", "1700043200", '"requests";r=999;t=43200', '"requests";q=1000;w=86400'],
  ],
  [
    { name: "reads", limit: 1, remaining: 0, window: 60, resets_in: 1 },
    ["1", "0", "1700000001", '"reads";r=0;t=1', '"reads";q=1;w=60'],
  ],
])("the rate limit headers of %j have the right names and values", (rate, values) => {
  const names = [
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
    "RateLimit",
    "RateLimit-Policy",
  ];
  expect(Object.entries(limitHeaders(rate, 1_700_000_000_000))).toEqual(
    names.map((name, at) => [name, values[at]]),
  );
});

test.each([
  ["requests|requests:a|10|86400", { name: "requests", bucket: "requests:a", limit: 10, window: 86_400 }],
  [
    '{"name":"anonymous","limit":10,"remaining":9,"window":86400,"resets_in":5}',
    { name: "anonymous", limit: 10, remaining: 9, window: 86_400, resets_in: 5 },
  ],
])("the limit that PostgreSQL announces is parsed: %s", (text, expected) => {
  expect(parseAnnounced(text)).toEqual(expected);
});

test("every operation documents 429, except health, metrics, webhooks and payments", () => {
  const operations = Object.values<Schema>(openApiDocument().paths ?? {}).flatMap((path) =>
    Object.values<Schema>(path),
  );
  const unlimited = operations
    .filter(({ responses }) => !("429" in responses))
    .map(({ operationId }) => operationId as string)
    .filter((id) => !/^(health|metrics|webhooks)\./.test(id));
  expect(operations.length).toBeGreaterThan(40);
  expect(unlimited).toEqual(["payments.other"]);
});
