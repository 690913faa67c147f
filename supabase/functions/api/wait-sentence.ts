import { plural } from "./plural.ts";

/** The longest wait in each unit, and the unit's seconds. */
const units = [
  [90, 1, "second"],
  [90 * 60, 60, "minute"],
  [36 * 3600, 3600, "hour"],
  [Number.POSITIVE_INFINITY, 86_400, "day"],
] as const;

/** Says when a limit allows the next request. It is rounded up, so that a request after this time is allowed. */
export function waitSentence(seconds: number): string {
  const [, size, unit] = units.find(([most]) => seconds <= most) ?? units[3];
  return `Try again in ${plural(Math.max(1, Math.ceil(seconds / size)), unit)}.`;
}
