/** Every field of the database's answers that is an instant. A test compares the list with the columns and the contract. */
export const instantFields: ReadonlySet<string> = new Set([
  "completed_at",
  "created_at",
  "day_resets_at",
  "deactivated_at",
  "deleted_at",
  "disabled_at",
  "email_verified_at",
  "expires_at",
  "failing_since",
  "finished_at",
  "grace_ends_at",
  "joined_at",
  "last_run_at",
  "last_seen_at",
  "last_used_at",
  "next_attempt_at",
  "occurred_at",
  "processing_at",
  "purge_at",
  "purge_started_at",
  "ran_at",
  "removed_after",
  "resets_at",
  "revoked_at",
  "suspended_at",
  "updated_at",
]);

/** The form in which Postgres writes nearly all instants. */
const usual = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00$/;

/** An instant in the form of the API: RFC 3339 with `Z` and six digits. Postgres omits trailing zeros and writes an offset. */
export function toWire(text: string): string {
  // Parsing takes ten times as long, and a list has sixty instants.
  if (usual.test(text)) return `${text.slice(0, -"+00:00".length)}Z`;
  const time = text.length > 40 ? Number.NaN : Date.parse(text);
  if (Number.isNaN(time)) return text;
  const digits = /\.(\d{1,6})/.exec(text)?.[1] ?? "";
  return `${new Date(time).toISOString().slice(0, 19)}.${digits.padEnd(6, "0")}Z`;
}

export const instantNow = (): string => toWire(new Date().toISOString());

/** Rewrites the instants of a database answer in place. Of an audited change it rewrites the old and the new value. */
export function rewriteInstants(value: unknown): void {
  if (typeof value !== "object" || value === null) return;
  if (Array.isArray(value)) {
    for (const item of value) rewriteInstants(item);
    return;
  }
  const fields = value as Record<string, unknown>;
  for (const name in fields) {
    const held = fields[name];
    if (typeof held === "object") {
      if (instantFields.has(name)) rewriteAll(held as Record<string, unknown> | null);
      else rewriteInstants(held);
    } else if (typeof held === "string" && instantFields.has(name)) fields[name] = toWire(held);
  }
}

function rewriteAll(change: Record<string, unknown> | null): void {
  for (const side in change) {
    const held = change[side];
    if (typeof held === "string") change[side] = toWire(held);
  }
}
