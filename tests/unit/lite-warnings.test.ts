import { once } from "node:events";
import { afterAll, expect, test } from "vitest";
import "../../scripts/local/lite.ts";

// Node's own would print it, and nobody should take it for one of the suite.
const printers = process.listeners("warning");
process.removeAllListeners("warning");
afterAll(() => {
  for (const printer of printers) process.on("warning", printer as NodeJS.WarningListener);
});

test("a warning that is an Error, such as Node's own about too many listeners, does not end the stack", async () => {
  const warned = once(process, "warning");
  process.emitWarning(Object.assign(new Error("too many"), { name: "MaxListenersExceededWarning" }));
  const [warning] = await warned;
  expect([warning.name, warning.message]).toEqual(["MaxListenersExceededWarning", "too many"]);
});
