import { expect, inject, test } from "vitest";
import { portsFrom } from "../../scripts/local/settings.ts";
import { makeSubject, startTraffic } from "../../scripts/soak/traffic.ts";
import { judge } from "../../scripts/soak/verdict.ts";
import { admin } from "../support/sql.ts";
import { until } from "../support/until.ts";

// `npm run soak` runs the same traffic for half an hour, and also watches memory and connections.
test("after mixed traffic no generation is stuck, lost or duplicated, and quota and usage are right", async () => {
  const { urls, credentials } = inject("stack");
  const ports = portsFrom(Number(new URL(urls.gateway).port));
  const subject = await makeSubject(ports, String(credentials.operator_key), admin, 2);
  const traffic = startTraffic(subject);
  await until("the traffic deletes something", () => traffic.counts.deleted);
  await traffic.stop();
  const verdict = await judge(admin, subject, traffic.counts, []);

  expect(verdict.filter(({ is_right }) => !is_right)).toEqual([]);
  expect(verdict).toHaveLength(5);
});
