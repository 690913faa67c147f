import { plural } from "./plural.ts";

/** The longest wait that is told in each unit, and how many seconds the unit has. */
const units = [
  [90, 1, "second"],
  [90 * 60, 60, "minute"],
  [36 * 3600, 3600, "hour"],
  [Number.POSITIVE_INFINITY, 86_400, "day"],
] as const;

/** When a limit lets the next request through. Rounded up, so that whoever waits so long is let through. */
export function waitSentence(seconds: number): string {
  const [, size, unit] = units.find(([most]) => seconds <= most) ?? units[3];
  return `Try again in ${plural(Math.max(1, Math.ceil(seconds / size)), unit)}.`;
}
