import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";
import { repositoryRoot } from "../local/settings.ts";
import type { Result } from "./compare.ts";

export type Section = {
  title: string;
  /** The name of the row that `ratio` compares with. */
  ratio_to: string;
  results: Result[];
};

export type Report = {
  at: string;
  machine: string;
  sections: Section[];
  notes: string[];
};

/** A row without any answer has no numbers. */
const shown = (value: number | undefined, digits: number) =>
  value !== undefined && Number.isFinite(value) ? value.toFixed(digits) : "–";

const columns: [string, (result: Result) => string][] = [
  ["", ({ name }) => name],
  ["requests/s", ({ requests_per_second: n }) => shown(n, n < 100 ? 1 : 0)],
  ["p50 ms", ({ p50_ms }) => shown(p50_ms, 1)],
  ["p95 ms", ({ p95_ms }) => shown(p95_ms, 1)],
  ["p99 ms", ({ p99_ms }) => shown(p99_ms, 1)],
  ["ratio", ({ ratio }) => shown(ratio, 2)],
  ["function µs", (result) => shown(result.function?.cpu_us_per_request, 0)],
  ["MB", (result) => shown(result.function?.memory_mb, 0)],
  ["Postgres µs", ({ postgres }) => shown(postgres?.cpu_us_per_request, 0)],
  ["MB", ({ postgres }) => shown(postgres?.memory_mb, 0)],
];

export const describeSection = ({ title, ratio_to, results }: Section) =>
  `\n${title} (ratio to ${ratio_to}; µs of CPU for each request; most MB)\n\n${textTable([
    [...columns.map(([head]) => head), ""],
    ...results.map((result) => [
      ...columns.map(([, cell]) => cell(result)),
      result.failed > 0 ? `${result.failed} failed` : "",
    ]),
  ])}`;

/** A text table. The first column is aligned left, the others right, and the last one is not padded. */
export function textTable(rows: string[][]): string {
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
  const cell = (text: string, at: number, { length }: string[]) =>
    at === 0 ? text.padEnd(widths[at] ?? 0) : at === length - 1 ? text : text.padStart(widths[at] ?? 0);
  return rows.map((row) => row.map(cell).join("  ").trimEnd()).join("\n");
}

/** Stores the run as JSON in .local/bench. Returns the path. */
export function save(sections: Section[], notes: string[]): { machine: string; file: string } {
  const at = new Date().toISOString();
  const machine = `${cpus().length} × ${cpus()[0]?.model.trim() || process.arch}, ${(totalmem() / 2 ** 30).toFixed(0)} GB, ${process.platform}`;
  const folder = join(".local", "bench");
  const file = join(folder, `${at.replace(/[:.]/g, "-")}.json`);
  mkdirSync(join(repositoryRoot, folder), { recursive: true });
  const report: Report = { at, machine, sections, notes };
  writeFileSync(join(repositoryRoot, file), `${JSON.stringify(report, undefined, 2)}\n`);
  return { machine, file };
}
