import { expect, test } from "vitest";
import { BoundedMap } from "./bounded-map.ts";

test("a full map gives up the entry that was set first, and no more than one", () => {
  const map = new BoundedMap<string, number>(2);
  map.set("a", 1);
  map.set("b", 2);
  map.set("c", 3);
  expect(["a", "b", "c"].map((key) => map.get(key))).toEqual([undefined, 2, 3]);
});

test("an entry that is set again counts as new, and takes nobody's place", () => {
  const map = new BoundedMap<string, number>(2);
  map.set("a", 1);
  map.set("b", 2);
  map.set("a", 3);
  map.set("c", 4);
  expect(["a", "b", "c"].map((key) => map.get(key))).toEqual([3, undefined, 4]);
});
