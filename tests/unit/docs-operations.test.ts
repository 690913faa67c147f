import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { repositoryRoot } from "../../scripts/local/settings.ts";
import type { ServiceDescription } from "../../supabase/functions/api/resources/health/report/describe-service.ts";
import {
  requestMetrics,
  serviceMetrics,
} from "../../supabase/functions/api/resources/metrics/exposition/service-metrics.ts";
import { alertRules, dashboard, dashboardQueries } from "../support/observability-files.ts";

const text = readFileSync(join(repositoryRoot, "docs", "operations.md"), "utf8");
const queries = dashboardQueries.map(({ expr }) => expr).join("\n");
const waiting = { waiting: 0, oldest_seconds: 0, failing: 0 };
const open = { count: 0, overdue: 0, oldest_seconds: 0 };
const service: ServiceDescription = {
  runtime: "",
  database_version: "",
  migrations: { applied: 0, expected: 0, missing: [], unknown: [] },
  pool: { size: 0, in_use: 0, waiting: 0 },
  connections: { max: 0, used: 0, api: 0, api_active: 0 },
  queue: { pending: open, processing: open, ended_last_hour: { completed: 0, failed: 0, canceled: 0 } },
  reconciler: { status: "healthy", last_run_at: null, jobs: {} },
  mail_outbox: waiting,
  cleanup: waiting,
  settings: {},
};
const up = { status: "healthy", latency_ms: 1 } as const;
const parts = { database: up, auth: up, storage: up, redis: up, mail: up, image_provider: up };
const metrics = [...requestMetrics([]), ...serviceMetrics(parts, service)].map(({ name }) => name);

const metricsIn = (source: string) =>
  new Set(source.match(/\bcloud_api_\w+/g)?.map((name) => name.replace(/_(bucket|sum|count)$/, "")));

test("the API reports every metric that an alert or the dashboard uses", () => {
  for (const asked of [metricsIn(alertRules), metricsIn(queries)]) {
    expect(asked.size).toBeGreaterThan(10);
    expect([...asked].filter((name) => !metrics.includes(name))).toEqual([]);
  }
});

test("the dashboard shows every metric", () => {
  expect(metrics.filter((name) => !metricsIn(queries).has(name))).toEqual([]);
});

test("the panels of the dashboard do not overlap, and fit its width", () => {
  const cells = dashboard.panels.flatMap(({ gridPos: { x, y, w, h } }) =>
    Array.from({ length: w * h }, (_, at) => `${x + (at % w)},${y + Math.floor(at / w)}`),
  );
  expect(new Set(cells).size).toBe(cells.length);
  expect(dashboard.panels.filter(({ gridPos: { x, w } }) => x + w > 24)).toEqual([]);
});

test("docs/operations.md explains every alert, and no other", () => {
  const rules = Array.from(alertRules.matchAll(/alert: CloudApi(\w+)/g), ([, name]) => name);
  const table = text.slice(text.indexOf("| alert | means |"), text.indexOf("## Backups"));
  const explained = Array.from(table.matchAll(/^\| ([A-Z]\w+) \|/gm), ([, name]) => name);
  expect(explained).toEqual(rules);
});
