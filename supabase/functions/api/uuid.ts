const longest = "{0000-0000-0000-0000-0000-0000-0000-0000}".length;
const anyForm = /^(?:[0-9a-f]{4}-?){7}[0-9a-f]{4}$/;
const usualForm = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Whether the text is a UUID in its usual form, in either case. */
export const isUuid = (text: string): boolean => usualForm.test(text);

/** A UUID as Postgres writes it, from any form that Postgres accepts. Undefined for any other text. */
export function toUuid(text: string): string | undefined {
  if (text.length > longest) return undefined;
  const inner = text.startsWith("{") && text.endsWith("}") ? text.slice(1, -1) : text;
  const lower = inner.toLowerCase();
  if (!anyForm.test(lower)) return undefined;
  return lower.replaceAll("-", "").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
