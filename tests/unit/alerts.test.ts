import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { alertRules, dashboardQueries } from "../support/observability-files.ts";
import { promtool, runPromtool } from "../support/promtool.ts";

/** Runs promtool: do these alerts fire for these series? One sample a minute; "1x90" is 1 for 90 minutes. */
function checkAlerts(
  series: Record<string, string>,
  alerts: { name: string; minute: number; fires: boolean }[],
) {
  const folder = mkdtempSync(join(tmpdir(), "cloud-api-alerts-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, "rules.yml"), alertRules);
  const labels = 'instance="api",job="cloud-api"';
  const cases = {
    rule_files: ["rules.yml"],
    evaluation_interval: "1m",
    tests: [
      {
        interval: "1m",
        input_series: Object.entries(series).map(([name, values]) => ({
          series: name.includes("{") ? name.replace("{", `{${labels},`) : `${name}{${labels}}`,
          values,
        })),
        promql_expr_test: alerts.map(({ name, minute, fires }) => ({
          expr: `count(ALERTS{alertname="CloudApi${name}",alertstate="firing"}) > 0 or vector(0)`,
          eval_time: `${minute}m`,
          exp_samples: [{ labels: "{}", value: fires ? 1 : 0 }],
        })),
      },
    ],
  };
  // JSON is valid YAML.
  writeFileSync(join(folder, "cases.yml"), JSON.stringify(cases));
  return runPromtool(["test", "rules", join(folder, "cases.yml")]);
}

const route = 'method="GET",route="/api/v1/auth/me"';
const polling = 'method="GET",route="/api/v1/generation/{generation_id}/status"';
/** A healthy service. Some callers wait for pictures with `?wait=`. */
const healthy: Record<string, string> = {
  up: "1x90",
  'cloud_api_part_up{part="database"}': "1x90",
  'cloud_api_part_up{part="redis"}': "1x90",
  [`cloud_api_requests_total{${route},status="200"}`]: "0+60x90",
  [`cloud_api_requests_total{${route},status="500"}`]: "0x90",
  [`cloud_api_request_duration_seconds_bucket{${route},le="1"}`]: "0+60x90",
  [`cloud_api_request_duration_seconds_bucket{${route},le="30"}`]: "0+60x90",
  [`cloud_api_request_duration_seconds_bucket{${route},le="+Inf"}`]: "0+60x90",
  [`cloud_api_request_duration_seconds_bucket{${polling},le="1"}`]: "0x90",
  [`cloud_api_request_duration_seconds_bucket{${polling},le="30"}`]: "0+600x90",
  [`cloud_api_request_duration_seconds_bucket{${polling},le="+Inf"}`]: "0+600x90",
  'cloud_api_job_last_run_timestamp_seconds{name="mail"}': "0+60x90",
  'cloud_api_job_failed{name="mail"}': "0x90",
  'cloud_api_generations_overdue{status="pending"}': "0x90",
  'cloud_api_generations_oldest_seconds{status="pending"}': "40x90",
  'cloud_api_generations_ended_last_hour{status="completed"}': "200x90",
  'cloud_api_generations_ended_last_hour{status="failed"}': "11x90",
  cloud_api_mail_outbox_oldest_seconds: "5x90",
  'cloud_api_database_connections{of="all"}': "50x90",
  'cloud_api_database_connections{of="api"}': "90x90",
  cloud_api_database_connections_max: "100x90",
  cloud_api_migrations_missing: "0x90",
};

const faults: [name: string, broken: Record<string, string>][] = [
  ["Down", { up: "0x90" }],
  ["PartDown", { 'cloud_api_part_up{part="redis"}': "0x90" }],
  ["Errors", { [`cloud_api_requests_total{${route},status="500"}`]: "0+2x90" }],
  ["Slow", { [`cloud_api_request_duration_seconds_bucket{${route},le="1"}`]: "0+50x90" }],
  ["ReconcilerLate", { 'cloud_api_job_last_run_timestamp_seconds{name="mail"}': "0x90" }],
  ["JobFailing", { 'cloud_api_job_failed{name="mail"}': "1x90" }],
  ["GenerationsStuck", { 'cloud_api_generations_overdue{status="pending"}': "1x90" }],
  ["GenerationsStuck", { 'cloud_api_generations_oldest_seconds{status="pending"}': "3700x90" }],
  ["GenerationsFail", { 'cloud_api_generations_ended_last_hour{status="failed"}': "60x90" }],
  ["MailStuck", { cloud_api_mail_outbox_oldest_seconds: "901x90" }],
  ["Connections", { 'cloud_api_database_connections{of="all"}': "81x90" }],
  ["MigrationsMissing", { cloud_api_migrations_missing: "1x90" }],
];
const names = Array.from(alertRules.matchAll(/alert: CloudApi(\w+)/g), ([, name]) => name ?? "");

test("every alert is tested with a fault that must fire it", () => {
  expect([...new Set(faults.map(([name]) => name))]).toEqual(names);
});

test("every alert has a severity, and a summary that is one sentence", () => {
  const told = alertRules.match(
    /labels: \{ severity: (page|ticket) \}\n {8}annotations:\n {10}summary: ".+\."/g,
  );
  expect(names.length).toBeGreaterThan(5);
  expect(told?.length).toBe(names.length);
});

describe.runIf(promtool !== null)("with promtool", () => {
  test("Prometheus accepts every query of the dashboard", () => {
    expect(dashboardQueries.length).toBeGreaterThan(20);
    const folder = mkdtempSync(join(tmpdir(), "cloud-api-dashboard-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    // JSON is valid YAML.
    const rules = dashboardQueries.map(({ expr }, at) => ({ record: `query_${at}`, expr }));
    writeFileSync(join(folder, "queries.yml"), JSON.stringify({ groups: [{ name: "dashboard", rules }] }));
    expect(runPromtool(["check", "rules", join(folder, "queries.yml")])).toMatchObject({ content: true });
  });

  test("no alert fires while the service is healthy", () => {
    const quiet = [20, 60, 90].flatMap((minute) => names.map((name) => ({ name, minute, fires: false })));
    expect(checkAlerts(healthy, quiet)).toMatchObject({ content: true });
  });

  test.each(faults)("only the alert %s fires when the series are %j", (broken, series) => {
    const alerts = names.map((name) => ({ name, minute: 60, fires: name === broken }));
    expect(checkAlerts({ ...healthy, ...series }, alerts)).toMatchObject({ content: true });
  });

  test("the alert ReconcilerLate fires when the reconciler has never run", () => {
    const { 'cloud_api_job_last_run_timestamp_seconds{name="mail"}': _ran, ...series } = healthy;
    expect(checkAlerts(series, [{ name: "ReconcilerLate", minute: 60, fires: true }])).toMatchObject({
      content: true,
    });
  });
});
