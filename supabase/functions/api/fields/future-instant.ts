import { toWire } from "../instants.ts";
import { predicates } from "../predicates.ts";
import { text } from "./text.ts";

const written =
  /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,9})?)?(Z|[+-]([01]\d|2[0-3]):?[0-5]\d)$/i;

/** The instant in UTC, as it is stored. Undefined for a day that does not exist, and outside the UTC years 0000 to 9999. */
export function toInstant(sent: string): string | undefined {
  if (!written.test(sent)) return undefined;
  const [day = ""] = sent.toUpperCase().split("T");
  const time = Date.parse(sent.toUpperCase().replace(/([+-]\d\d)(\d\d)$/, "$1:$2"));
  // Date.parse reads February 30 as March 1 or 2.
  const exists = new Date(`${day}T00:00:00Z`).toISOString().startsWith(day);
  const utc = Number.isNaN(time) ? "" : new Date(time).toISOString();
  return exists && /^\d{4}-/.test(utc) ? toWire(utc) : undefined;
}

/** An instant in the future, in any time zone. SQL gets it in one form. */
export const futureInstant = text({
  max: 40,
  clean: (raw) => toInstant(raw.trim()) ?? raw,
  check: (instant) => {
    if (toInstant(instant) === undefined) return predicates.instant;
    return Date.parse(instant) > Date.now() ? undefined : predicates.future;
  },
});
