import { expect, test } from "vitest";
import { decodeCursor, encodeCursor } from "./cursor.ts";

const id = "3d1b9f7e-7c25-4a6a-8d4c-2f6a8e0c4b09";

test("a cursor decodes to the position and the total that it was encoded from", () => {
  const place = { id, created_at: "2026-11-24T23:59:59.123456Z" };
  expect(decodeCursor(encodeCursor(place, 41))).toEqual({ ...place, total: 41 });
});

test.each([
  "2023-02-30T00:00:00Z",
  "0000-01-01T00:00:00Z",
  "2026-13-01T00:00:00Z",
  "2026-11-24T24:00:00Z",
  "now",
])("a cursor with the invalid time %s is refused", (createdAt) => {
  expect(() => decodeCursor(encodeCursor({ id, created_at: createdAt }, 1))).toThrow(
    expect.objectContaining({ code: "validation_failed" }),
  );
});
