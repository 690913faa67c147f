import { expect, test } from "vitest";
import { instantNow, rewriteInstants, toWire } from "./instants.ts";

test.each([
  ["2026-11-24T09:00:00+00:00", "2026-11-24T09:00:00.000000Z"],
  ["2026-11-24T09:00:00.1+00:00", "2026-11-24T09:00:00.100000Z"],
  ["2026-11-24T09:00:00.123456+00:00", "2026-11-24T09:00:00.123456Z"],
  ["2026-11-24T10:30:00.123456+01:30", "2026-11-24T09:00:00.123456Z"],
  ["2026-11-24T09:00:00.000000Z", "2026-11-24T09:00:00.000000Z"],
  ["infinity", "infinity"],
  ["x".repeat(100_000), "x".repeat(100_000)],
])("the instant %s is answered as %s", (text, wire) => {
  expect(toWire(text)).toBe(wire);
});

test("the current instant has six fractional digits", () => {
  expect(instantNow()).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
});

test("nested instants are rewritten, in audited changes too, and user texts are not", () => {
  const at = "2026-11-24T09:00:00+00:00";
  const wire = toWire(at);
  const answer = {
    created_at: at,
    name: at,
    deleted_at: null,
    items: [{ expires_at: at }, null, at],
    changes: { expires_at: { old: null, new: at }, name: { old: at, new: "b" } },
  };
  rewriteInstants(answer);
  expect(answer).toEqual({
    created_at: wire,
    name: at,
    deleted_at: null,
    items: [{ expires_at: wire }, null, at],
    changes: { expires_at: { old: null, new: wire }, name: { old: at, new: "b" } },
  });
});
