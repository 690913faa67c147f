import { expect, test, vi } from "vitest";
import { ApiError } from "../errors.ts";
import { createHealthMonitor, overall, type PartName, type PartState, partNames } from "./health-monitor.ts";

const up: PartState = { status: "healthy", latency_ms: 1 };
const down: PartState = { status: "unhealthy", error: "unreachable" };
const none: PartState = { status: "not_configured" };
const all = (state: PartState, changes: Partial<Record<PartName, PartState>> = {}) =>
  ({ ...Object.fromEntries(partNames.map((name) => [name, state])), ...changes }) as Record<
    PartName,
    PartState
  >;

test.each([
  ["all parts answer", all(up), "healthy"],
  [
    "optional parts are not configured",
    all(up, { redis: none, mail: none, image_provider: none }),
    "healthy",
  ],
  ["redis is down", all(up, { redis: down }), "degraded"],
  ["mail is down", all(up, { mail: down }), "degraded"],
  ["the image provider is down", all(up, { image_provider: down }), "degraded"],
  ["the database is down", all(up, { database: down }), "unhealthy"],
  ["auth is down", all(up, { auth: down }), "unhealthy"],
  ["storage and redis are down", all(up, { storage: down, redis: down }), "unhealthy"],
])("overall health when %s is as expected", (_when, parts, expected) => {
  expect(overall(parts)).toBe(expected);
});

test("fifty simultaneous callers share one check of a part", async () => {
  let looks = 0;
  const monitor = createHealthMonitor({
    part: async () => {
      looks++;
    },
  });
  const states = await Promise.all(Array.from({ length: 50 }, () => monitor.look("part")));
  expect(new Set(states.map(({ status }) => status))).toEqual(new Set(["healthy"]));
  expect(looks).toBe(1);
});

test("a part that hangs is unhealthy within a second", async () => {
  vi.useFakeTimers();
  try {
    const look = createHealthMonitor({ part: () => new Promise(() => {}) }).look("part");
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await look).toMatchObject({ status: "unhealthy", error: "timeout" });
  } finally {
    vi.useRealTimers();
  }
});

test("health names the class of a failure, recovers with the part, and remembers the last error", async () => {
  let time = 0;
  let failure: Error | undefined = new ApiError("database_unavailable", {
    cause: new Error("connect to db.internal"),
  });
  const monitor = createHealthMonitor(
    {
      part: async () => {
        if (failure) throw failure;
      },
    },
    () => time,
  );
  expect(await monitor.look("part")).toMatchObject({ status: "unhealthy", error: "database_unavailable" });
  failure = undefined;
  time += 201;
  expect(await monitor.look("part")).toMatchObject({ status: "healthy" });
  failure = new TypeError("fetch http://auth.internal failed");
  time += 201;
  expect((await monitor.look("part")).error).toBe("unreachable");
  expect(monitor.lastErrors().part).toMatchObject({ error: "unreachable", at: expect.any(String) });
});
