import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";
import { repositoryRoot } from "../local/settings.ts";
import type { Result } from "./compare.ts";

export type Section = {
  title: string;
  /** What `ratio` compares with. */
  ratio_to: string;
  results: Result[];
};

export type Report = {
  at: string;
  machine: string;
  sections: Section[];
  notes: string[];
};

export const machine = () =>
  `${cpus().length} × ${cpus()[0]?.model.trim() || process.arch}, ${(totalmem() / 2 ** 30).toFixed(0)} GB, ${process.platform}`;

const columns: [string, (result: Result) => string][] = [
  ["requests/s", (result) => result.requests_per_second.toFixed(result.requests_per_second < 100 ? 1 : 0)],
  ["p50 ms", (result) => result.p50_ms.toFixed(1)],
  ["p95 ms", (result) => result.p95_ms.toFixed(1)],
  ["p99 ms", (result) => result.p99_ms.toFixed(1)],
  ["ratio", (result) => result.ratio.toFixed(2)],
  ["function µs", (result) => result.function?.cpu_us_per_request.toFixed(0) ?? "–"],
  ["MB", (result) => result.function?.memory_mb.toFixed(0) ?? "–"],
  ["Postgres µs", (result) => result.postgres?.cpu_us_per_request.toFixed(0) ?? "–"],
  ["MB", (result) => result.postgres?.memory_mb.toFixed(0) ?? "–"],
];

/** µs is CPU time per request. */
export function table({ title, ratio_to, results }: Section): string {
  const width = Math.max(...results.map(({ name }) => name.length));
  const widths = columns.map(([head]) => Math.max(head.length, 6));
  const line = (first: string, cells: string[]) =>
    `${first.padEnd(width)}  ${cells.map((cell, at) => cell.padStart(widths[at] ?? 0)).join("  ")}`;
  return [
    "",
    `${title} (ratio to ${ratio_to})`,
    "",
    line(
      "",
      columns.map(([head]) => head),
    ),
    ...results.map((result) => {
      const cells = columns.map(([, cell]) => cell(result));
      return `${line(result.name, cells)}${result.failed > 0 ? `  ${result.failed} failed` : ""}`;
    }),
  ].join("\n");
}

/** The run as JSON, in .local/bench; returns the path. */
export function save(report: Report): string {
  const folder = join(".local", "bench");
  const file = join(folder, `${report.at.replace(/[:.]/g, "-")}.json`);
  mkdirSync(join(repositoryRoot, folder), { recursive: true });
  writeFileSync(join(repositoryRoot, file), `${JSON.stringify(report, undefined, 2)}\n`);
  return file;
}
