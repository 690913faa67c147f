import type { Finding } from "./check.ts";
import type { Target } from "./target.ts";

const colours = { ok: 32, warn: 33, fail: 31 };

/** One line for each finding, with what to do below those that are not ok, and a sum at the end. */
export function renderFindings({ kind, base }: Target, findings: Finding[], colour: boolean): string {
  const paint = (code: number, text: string) => (colour ? `\u001b[${code}m${text}\u001b[0m` : text);
  const width = Math.max(...findings.map(({ about }) => about.length));
  const lines = findings.flatMap(({ about, status, says, fix }) => [
    `  ${paint(colours[status], status.padEnd(4))}  ${about.padEnd(width)}  ${says}`,
    ...(fix === undefined ? [] : [`${" ".repeat(width + 10)}→ ${fix}`]),
  ]);
  const count = (status: Finding["status"]) => findings.filter((finding) => finding.status === status).length;
  const sum = `${count("ok")} ok, ${count("warn")} to look at, ${count("fail")} wrong.`;
  return ["", `${base} (${kind})`, "", ...lines, "", sum].join("\n");
}
