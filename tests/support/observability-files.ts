import { readFileSync } from "node:fs";
import { join } from "node:path";
import { repositoryRoot } from "../../scripts/local/settings.ts";

const read = (name: string) => readFileSync(join(repositoryRoot, "docs", "operations", name), "utf8");

/** The rules for Prometheus that an operator copies. */
export const alertRules = read("alerts.yml");

type Panel = {
  title: string;
  gridPos: { x: number; y: number; w: number; h: number };
  targets?: { expr: string; legendFormat: string }[];
};

/** The dashboard that an operator imports into Grafana. */
export const dashboard = JSON.parse(read("dashboard.json")) as { panels: Panel[] };

/** Every query of the dashboard, with values for Grafana's variables. */
export const dashboardQueries = dashboard.panels.flatMap(({ title, targets = [] }) =>
  targets.map(({ expr, legendFormat }) => ({
    panel: title,
    expr: expr.replaceAll("$__rate_interval", "5m").replaceAll("$job", "cloud-api"),
    legend: Array.from(legendFormat.matchAll(/\{\{(\w+)\}\}/g), ([, label = ""]) => label),
  })),
);
