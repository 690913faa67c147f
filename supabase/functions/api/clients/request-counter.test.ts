import { expect, test } from "vitest";
import { renderMetrics } from "../resources/metrics/exposition/render-metrics.ts";
import { requestMetrics } from "../resources/metrics/exposition/service-metrics.ts";
import type { Database } from "./database.ts";
import { bounds, createRequestCounter, methodOf, type RequestCount } from "./request-counter.ts";

function counter(call: (batch: RequestCount[]) => Promise<void>) {
  const database = {
    write: (_name: string, [batch]: [RequestCount[]]) => call(batch),
  } as unknown as Database;
  return createRequestCounter({ database, background: (work) => void work.catch(() => {}) }, 60_000);
}

test("request counts that could not be written are added to the next batch, and written once", async () => {
  const written: RequestCount[][] = [];
  let isDown = true;
  const { count, flush } = counter(async (batch) => {
    if (isDown) throw new Error("down");
    written.push(structuredClone(batch));
  });
  count("GET", "/a", 200, 0.003);
  count("GET", "/a", 200, 40);
  await expect(flush()).rejects.toThrow("down");
  count("GET", "/a", 200, 0.003);
  count("GET", "/b", 404, 0.2);
  isDown = false;
  await flush();
  await flush();
  expect(written).toHaveLength(1);
  expect(written[0]).toEqual([
    expect.objectContaining({ route: "/a", status: 200, requests: 3, buckets: [2, ...Array(11).fill(0), 1] }),
    expect.objectContaining({ route: "/b", status: 404, requests: 1 }),
  ]);
});

test.each([
  ["PATCH", "PATCH"],
  ["patch", "OTHER"],
  ['X"} 1', "OTHER"],
])("the method %s counts as %s", (sent, counted) => {
  expect(methodOf(sent)).toBe(counted);
});

test("the duration histogram is cumulative, ends with +Inf and adds up all statuses of a route", () => {
  const bucket = (at: number) =>
    Array.from({ length: bounds.length + 1 }, (_, index) => (index === at ? 1 : 0));
  const kind = { method: "GET", route: '/odd"\\', requests: 1 };
  const text = renderMetrics(
    requestMetrics([
      { ...kind, status: 200, seconds: 0.004, buckets: bucket(0) },
      { ...kind, status: 500, seconds: 60, buckets: bucket(bounds.length) },
    ]),
  );
  const labels = 'method="GET",route="/odd\\"\\\\"';
  expect(text.split("\n")).toEqual(
    expect.arrayContaining([
      "# TYPE cloud_api_request_duration_seconds histogram",
      `cloud_api_requests_total{${labels},status="200"} 1`,
      `cloud_api_request_duration_seconds_bucket{${labels},le="0.005"} 1`,
      `cloud_api_request_duration_seconds_bucket{${labels},le="30"} 1`,
      `cloud_api_request_duration_seconds_bucket{${labels},le="+Inf"} 2`,
      `cloud_api_request_duration_seconds_sum{${labels}} 60.004`,
      `cloud_api_request_duration_seconds_count{${labels}} 2`,
    ]),
  );
});
