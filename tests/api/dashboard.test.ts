import { expect, inject, test } from "vitest";
import { api } from "../support/api.ts";
import { alertRules, dashboardQueries } from "../support/observability-files.ts";

const { credentials, keys } = inject("stack");

/** Each metric of the running stack, with the labels of its series. */
async function scrape(): Promise<Map<string, Record<string, string>[]>> {
  const { status, body } = await api<string>("/metrics", {
    headers: { "X-Operator-Key": credentials.operator_key ?? "" },
  });
  expect(status).toBe(200);
  const series = new Map<string, Record<string, string>[]>();
  for (const [, name = "", labels = ""] of body.matchAll(/^(cloud_api_\w+)(?:\{(.*)\})? \S+$/gm)) {
    const pairs = Array.from(labels.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g), ([, key, value]) => [key, value]);
    series.set(name, [...(series.get(name) ?? []), Object.fromEntries(pairs)]);
  }
  return series;
}

/** Prometheus itself adds these labels. */
const added = ["job", "instance"];

const queries = [
  ...dashboardQueries,
  // A rule's expression is one line, or the block of lines after "|".
  ...Array.from(
    alertRules.matchAll(/alert: (\w+)\n {8}expr: (?:\|\n((?: {10}.+\n)+)|(.+)\n)/g),
    ([, panel = "", block, line]) => ({ panel, expr: block ?? line ?? "", legend: [] as string[] }),
  ).filter(({ expr }) => expr.includes("cloud_api_")),
];

test("a running stack exports every metric, label and fixed value that the dashboard and the alerts use", async () => {
  // A new stack has no metrics of jobs before the first run.
  const headers = { Authorization: `Bearer ${keys.cron_secret}` };
  expect((await api("/internal/reconcile", { method: "POST", headers })).status).toBe(200);
  const exported = await scrape();
  const missing: string[] = [];
  for (const { panel, expr, legend } of queries) {
    const names = expr.match(/\bcloud_api_\w+/g) ?? [];
    expect([panel, names.length > 0]).toEqual([panel, true]);
    for (const name of names) if (!exported.has(name)) missing.push(`${panel}: ${name}`);
    for (const [, name = "", selector = ""] of expr.matchAll(/(cloud_api_\w+)\{([^}]*)\}/g))
      for (const [, label = "", operator, value] of selector.matchAll(/(\w+)(=~|=)"([^"]*)"/g)) {
        const fits = (labels: Record<string, string>) =>
          operator === "=" ? labels[label] === value : label in labels;
        if (!added.includes(label) && !exported.get(name)?.some(fits))
          missing.push(`${panel}: ${name}{${label}${operator}"${value}"}`);
      }
    const grouped = Array.from(expr.matchAll(/\bby \(([\w, ]+)\)/g), ([, by = ""]) => by.split(", ")).flat();
    for (const label of [...grouped, ...legend])
      if (!names.some((name) => exported.get(name)?.some((labels) => label in labels)))
        missing.push(`${panel}: by ${label}`);
  }
  expect(queries.length).toBeGreaterThan(30);
  expect(missing).toEqual([]);
});
