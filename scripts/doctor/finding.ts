import { styleText } from "node:util";
import type { Target } from "./target.ts";

export type Finding = {
  /** The subject of the check, in a word or two. */
  about: string;
  status: "ok" | "warn" | "fail";
  says: string;
  /** The fix, as a command if there is one. */
  fix?: string;
};

/** One check of the target. It gives no, one or several lines of the table. */
export type Check = (target: Target) => Promise<Finding[]>;

export const ok = (about: string, says: string): Finding => ({ about, status: "ok", says });
const finding =
  (status: "warn" | "fail") =>
  (about: string, says: string, fix: string): Finding => ({ about, status, says, fix });
export const warn = finding("warn");
export const fail = finding("fail");

const colours = { ok: "green", warn: "yellow", fail: "red" } as const;

/** One line for each finding, with the fix below it if it is not ok, and a summary at the end. */
export function renderFindings({ kind, base }: Target, findings: Finding[]): string {
  const width = Math.max(...findings.map(({ about }) => about.length));
  const lines = findings.flatMap(({ about, status, says, fix }) => [
    `  ${styleText(colours[status], status.padEnd(4))}  ${about.padEnd(width)}  ${says}`,
    ...(fix === undefined ? [] : [`${" ".repeat(width + 10)}→ ${fix}`]),
  ]);
  const count = (status: Finding["status"]) => findings.filter((finding) => finding.status === status).length;
  const sum = `${count("ok")} ok, ${count("warn")} to check, ${count("fail")} wrong.`;
  return ["", `${base} (${kind})`, "", ...lines, "", sum].join("\n");
}
