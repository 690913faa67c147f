import { describe, expect, test } from "vitest";
import { isUuid, toUuid } from "./uuid.ts";

const id = "9c2e4b7a-1f35-4d68-8e92-3b5a7c9d1e03";
describe("toUuid", () => {
  test.each([
    id,
    id.toUpperCase(),
    id.replaceAll("-", ""),
    `{${id}}`,
    "9c2e-4b7a-1f35-4d68-8e92-3b5a-7c9d-1e03",
    "9c2e4b7a1f354d68-8e923b5a7c9d1e03",
  ])("the UUID %s is accepted, as in PostgreSQL", (written) => {
    expect(toUuid(written)).toBe(id);
  });

  test("a UUID of any version and variant is accepted", () => {
    for (const one of [
      "00000000-0000-0000-0000-000000000000",
      "ffffffff-ffff-ffff-ffff-ffffffffffff",
      "01890a5d-ac96-774b-bcce-b302099a8057",
    ])
      expect(toUuid(one)).toBe(one);
  });

  test.each([
    "",
    "seven",
    `${id}0`,
    `-${id}`,
    `${id}-`,
    `{${id}`,
    `${id}}`,
    id.replace("9", "g"),
    "9c2-e4b7a-1f35-4d68-8e92-3b5a7c9d1e03",
  ])("the text %j is not a UUID", (written) => {
    expect(toUuid(written)).toBeUndefined();
  });
});

test("only the canonical form of a UUID counts as canonical", () => {
  expect([id, id.toUpperCase()].map(isUuid)).toEqual([true, true]);
  expect([id.replaceAll("-", ""), `{${id}}`, `${id}\n`, "seven", ""].map(isUuid)).toEqual(
    Array(5).fill(false),
  );
});
