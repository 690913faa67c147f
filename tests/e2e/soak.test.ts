import { expect, inject, test } from "vitest";
import { portsFrom } from "../../scripts/local/settings.ts";
import { makeSubject, startTraffic } from "../../scripts/soak/traffic.ts";
import { judge } from "../../scripts/soak/verdict.ts";
import { admin } from "../support/sql.ts";

// `npm run soak` does the same for half an hour, and watches memory and connections too.
test("after mixed traffic nothing is stuck, lost or made twice, and quota and usage add up", async () => {
  const { urls, credentials } = inject("stack");
  const ports = portsFrom(Number(new URL(urls.gateway).port));
  const subject = await makeSubject(ports, String(credentials.operator_key), admin, 2);
  const traffic = startTraffic(subject);
  await expect.poll(() => traffic.counts.deleted, { timeout: 60_000 }).toBeGreaterThanOrEqual(1);
  await traffic.stop();
  const verdict = await judge(admin, subject, traffic.counts, []);

  expect(verdict.filter(({ is_right }) => !is_right)).toEqual([]);
  expect(verdict).toHaveLength(5);
});
