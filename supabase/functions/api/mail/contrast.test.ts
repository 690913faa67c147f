import { expect, test } from "vitest";
import { contrast, edgeOn, textOn } from "./contrast.ts";

/** 216 colors: six steps for each channel. */
const colors = [0, 51, 102, 153, 204, 255].flatMap((red, _, steps) =>
  steps.flatMap((green) =>
    steps.map((blue) => `#${[red, green, blue].map((part) => part.toString(16).padStart(2, "0")).join("")}`),
  ),
);

test("text on any color has a contrast of at least 4.5", () => {
  expect(colors).toHaveLength(216);
  for (const color of colors) expect([color, contrast(color, textOn(color)) >= 4.5]).toEqual([color, true]);
});

test.each(["#ffffff", "#27272a"])(
  "the edge of a button of any color has a contrast of at least 3 to a card of %s",
  (card) => {
    for (const color of colors)
      expect([color, contrast(edgeOn(card, color), card) >= 3]).toEqual([color, true]);
  },
);

test.each([
  ["#000000", "#ffffff", 21],
  ["#777777", "#ffffff", 4.48],
  ["#ff0000", "#ffffff", 4],
  ["#2563eb", "#2563eb", 1],
])("the contrast of %s and %s is %d, as WCAG defines it", (one, other, ratio) => {
  expect(contrast(one, other)).toBeCloseTo(ratio, 1);
  expect(contrast(other, one)).toBe(contrast(one, other));
});

test.each([
  ["#18181b", "#ffffff"],
  ["#2563eb", "#ffffff"],
  ["#facc15", "#000000"],
  ["#ffffff", "#000000"],
])("the text color on %s is %s", (color, text) => {
  expect(textOn(color)).toBe(text);
});
