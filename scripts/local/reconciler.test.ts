import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { startReconciler } from "./reconciler.ts";
import { portsFrom } from "./settings.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test.each([404, 401, 503])("a reconciler's call that is answered %i is reported, once", async (status) => {
  vi.stubGlobal("fetch", async () => new Response("", { status }));
  const lines: string[] = [];
  const stop = startReconciler(portsFrom(20_000), "secret", (line) => lines.push(line));
  await vi.advanceTimersByTimeAsync(180_000);
  stop();
  expect(lines).toEqual([
    `The reconciler's call failed (it answered ${status}); it is tried again each minute`,
  ]);
});
