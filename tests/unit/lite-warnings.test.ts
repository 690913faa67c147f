import { once } from "node:events";
import { afterAll, expect, test } from "vitest";
import "../../scripts/local/lite.ts";

// Node would print the warning below, and a reader would take it for a problem of the suite.
const printers = process.listeners("warning");
process.removeAllListeners("warning");
afterAll(() => {
  for (const printer of printers) process.on("warning", printer as NodeJS.WarningListener);
});

test("a process warning that is an Error object, as Node's MaxListenersExceededWarning, does not end the stack", async () => {
  const warned = once(process, "warning");
  process.emitWarning(Object.assign(new Error("too many"), { name: "MaxListenersExceededWarning" }));
  const [warning] = await warned;
  expect([warning.name, warning.message]).toEqual(["MaxListenersExceededWarning", "too many"]);
});
