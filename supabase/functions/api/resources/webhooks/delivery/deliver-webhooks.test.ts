import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Deps } from "../../../context.ts";
import { deliverWebhooks } from "./deliver-webhooks.ts";

const event = () => ({
  id: crypto.randomUUID(),
  event: "test",
  project_id: "p1",
  subject_id: "s1",
  facts: {},
  attempts: 1,
  occurred_at: new Date().toISOString(),
  url: "https://app.example.com/",
  secrets: [`whsec_${btoa("0123456789abcdef01234567")}`],
  generation: null,
  user: null,
});

beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"] }));
afterEach(() => void vi.useRealTimers());

test("a receiver with endless events that answers each after nine seconds does not hold up the reconciler", async () => {
  const deps = {
    database: { write: async (name: string) => (name === "claim_deliveries" ? [event()] : null) },
    sendWebhook: async () => {
      vi.setSystemTime(Date.now() + 9_000);
      return 200;
    },
  } as unknown as Deps;
  const start = Date.now();
  expect(await deliverWebhooks(deps)).toEqual({ checked: 3, failed: 0 });
  expect(Date.now() - start).toBeLessThan(30_000);
});

test("an event that its receiver took is not recorded as failed when the database does not answer afterwards", async () => {
  const calls: string[] = [];
  const deps = {
    database: {
      write: async (name: string) => {
        calls.push(name);
        if (name === "finish_delivery") throw new Error("the database is gone");
        return calls.length === 1 ? [event()] : [];
      },
    },
    sendWebhook: async () => 200,
  } as unknown as Deps;
  await expect(deliverWebhooks(deps)).rejects.toThrow("the database is gone");
  expect(calls).toEqual(["claim_deliveries", "finish_delivery"]);
});
