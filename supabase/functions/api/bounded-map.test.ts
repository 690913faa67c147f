import { expect, test } from "vitest";
import { BoundedMap } from "./bounded-map.ts";

test("a full map removes only its oldest entry when a new one is set", () => {
  const map = new BoundedMap<string, number>(2);
  map.set("a", 1);
  map.set("b", 2);
  map.set("c", 3);
  expect(["a", "b", "c"].map((key) => map.get(key))).toEqual([undefined, 2, 3]);
});

test("setting an existing entry makes it the newest, and removes no other entry", () => {
  const map = new BoundedMap<string, number>(2);
  map.set("a", 1);
  map.set("b", 2);
  map.set("a", 3);
  map.set("c", 4);
  expect(["a", "b", "c"].map((key) => map.get(key))).toEqual([3, undefined, 4]);
});
