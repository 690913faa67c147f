import { type PartName, type PartState, partNames } from "../../../clients/health-monitor.ts";
import { bounds, type RequestCount } from "../../../clients/request-counter.ts";
import { version } from "../../../version.ts";
import type { ServiceDescription } from "../../health/report/describe-service.ts";
import type { Metric } from "./render-metrics.ts";

const gauge = (name: string, help: string, samples: Metric["samples"]): Metric => ({
  name: `cloud_api_${name}`,
  type: "gauge",
  help,
  samples,
});
const one = (value: number) => [{ value }];
const each = (label: string, values: Record<string, number>) =>
  Object.entries(values).map(([key, value]) => ({ labels: { [label]: key }, value }));

/** The detailed health report as metrics. docs/operations has alerts and a dashboard. */
export function serviceMetrics(parts: Record<PartName, PartState>, service: ServiceDescription): Metric[] {
  const { queue, reconciler, mail_outbox, cleanup, connections, pool, migrations } = service;
  const open = { pending: queue.pending, processing: queue.processing };
  const jobs = Object.entries(reconciler.jobs);
  return [
    gauge("info", "Version of the API and what it runs on; always 1.", [
      { labels: { version, runtime: service.runtime, database: service.database_version }, value: 1 },
    ]),
    gauge(
      "part_up",
      "Whether a configured part answers.",
      partNames
        .filter((part) => parts[part].status !== "not_configured")
        .map((part) => ({ labels: { part }, value: parts[part].status === "healthy" ? 1 : 0 })),
    ),
    gauge(
      "part_latency_seconds",
      "How long the part took to answer.",
      partNames
        .filter((part) => parts[part].latency_ms !== undefined)
        .map((part) => ({
          labels: { part },
          value: Number(((parts[part].latency_ms ?? 0) / 1000).toFixed(6)),
        })),
    ),
    gauge("generations_open", "Generations that have not ended.", each("status", pick(open, "count"))),
    gauge(
      "generations_overdue",
      "Open generations that nobody looked at in time.",
      each("status", pick(open, "overdue")),
    ),
    gauge(
      "generations_oldest_seconds",
      "Age of the oldest open generation.",
      each("status", pick(open, "oldest_seconds")),
    ),
    gauge(
      "generations_ended_last_hour",
      "Generations that ended in the last hour.",
      each("status", queue.ended_last_hour),
    ),
    gauge("mail_outbox", "Mail that waits, and what of it failed before.", [
      { labels: { state: "waiting" }, value: mail_outbox.waiting },
      { labels: { state: "failing" }, value: mail_outbox.failing },
    ]),
    gauge(
      "mail_outbox_oldest_seconds",
      "Age of the oldest mail that waits.",
      one(mail_outbox.oldest_seconds),
    ),
    gauge("cleanup_waiting", "Files and predictions that wait to be removed.", one(cleanup.waiting)),
    gauge("cleanup_oldest_seconds", "Age of the oldest of them.", one(cleanup.oldest_seconds)),
    gauge(
      "job_last_run_timestamp_seconds",
      "When a job of the reconciler ran last.",
      jobs.map(([job, { ran_at }]) => ({ labels: { name: job }, value: Date.parse(ran_at) / 1000 })),
    ),
    gauge(
      "job_failed",
      "What failed when it ran last.",
      jobs.map(([job, { failed }]) => ({ labels: { name: job }, value: failed })),
    ),
    gauge("database_connections", "Connections of the server, and of all instances of the API.", [
      { labels: { of: "all" }, value: connections.used },
      { labels: { of: "api" }, value: connections.api },
      { labels: { of: "api_active" }, value: connections.api_active },
    ]),
    gauge("database_connections_max", "How many the server allows.", one(connections.max)),
    gauge("pool_connections", "The pool of the instance that answered.", each("state", pool)),
    gauge(
      "migrations_missing",
      "Migrations that this version expects and the database lacks.",
      one(migrations.missing.length),
    ),
  ];
}

function pick<K extends string>(states: Record<string, Record<K, number>>, field: K): Record<string, number> {
  return Object.fromEntries(Object.entries(states).map(([name, figures]) => [name, figures[field]]));
}

/** The requests that all instances have counted since the last crash of the database. */
export function requestMetrics(counts: readonly RequestCount[]): Metric[] {
  const routes = new Map<string, RequestCount>();
  for (const count of counts) {
    const key = `${count.method} ${count.route}`;
    const sum = routes.get(key);
    if (sum === undefined) {
      routes.set(key, { ...count, buckets: [...count.buckets] });
      continue;
    }
    sum.requests += count.requests;
    sum.seconds += count.seconds;
    sum.buckets = sum.buckets.map((each, at) => each + (count.buckets[at] ?? 0));
  }
  return [
    {
      name: "cloud_api_requests_total",
      type: "counter",
      help: "Answered requests.",
      samples: counts.map(({ method, route, status, requests }) => ({
        labels: { method, route, status },
        value: requests,
      })),
    },
    {
      name: "cloud_api_request_duration_seconds",
      type: "histogram",
      help: "How long answers took.",
      samples: [...routes.values()].flatMap(histogram),
    },
  ];
}

function histogram({ method, route, requests, seconds, buckets }: RequestCount): Metric["samples"] {
  let below = 0;
  const cumulative = bounds.map((le, at) => {
    below += buckets[at] ?? 0;
    return { suffix: "_bucket", labels: { method, route, le }, value: below };
  });
  return [
    ...cumulative,
    { suffix: "_bucket", labels: { method, route, le: "+Inf" }, value: requests },
    { suffix: "_sum", labels: { method, route }, value: Number(seconds.toFixed(6)) },
    { suffix: "_count", labels: { method, route }, value: requests },
  ];
}
