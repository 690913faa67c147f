/** The progress of a prediction by its model's log. `position` is the length of the log, which only grows. */
export type Progress = { position: number; percent: number | null; log: string };

const maxTail = 4_000;
const maxLine = 200;

/** @returns null when the log is empty */
export function readProgress(logs: string): Progress | null {
  const tail = logs.slice(-maxTail);
  // A progress bar is repeated on one line, with a carriage return before each.
  const lines = tail.split(/[\r\n]+/).map(printable);
  const log = lines.findLast((line) => line !== "");
  if (log === undefined) return null;
  const percents = [...tail.matchAll(/(?<![\d.])(\d{1,3})%/g)].map(([, digits]) => Number(digits));
  const percent = percents.findLast((value) => value <= 100) ?? null;
  return { position: logs.length, percent, log: [...log].slice(0, maxLine).join("") };
}

const printable = (line: string) => line.toWellFormed().replace(/\p{C}/gu, "").trim();
