import { once } from "node:events";
import { expect, test } from "vitest";
import "../../scripts/local/lite.ts";

test("a warning that is an Error, such as Node's own about too many listeners, does not end the stack", async () => {
  const warned = once(process, "warning");
  process.emitWarning(Object.assign(new Error("too many"), { name: "MaxListenersExceededWarning" }));
  const [warning] = await warned;
  expect([warning.name, warning.message]).toEqual(["MaxListenersExceededWarning", "too many"]);
});
