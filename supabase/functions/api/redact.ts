/** Patterns of secrets and addresses in error messages. */
const patterns: readonly [RegExp, string][] = [
  [/\b(Bearer|Basic)\s+[\w.~+/=-]+/gi, "$1 …"],
  [/\b(ak|ok)_[\w-]{6,}/g, "$1_…"],
  [/\bsb_(secret|publishable)_[\w-]+/g, "sb_$1_…"],
  [/\beyJ[\w-]+\.[\w-]+\.[\w-]*/g, "eyJ…"],
  [/\b(r8|re|whsec)_[\w+/=-]{6,}/g, "$1_…"],
  [/\/\/[^\s/@]*@/g, "//"],
  [/[^\s@<>"'(),;:=]+@[^\s@<>"'(),;]+\.[a-z]{2,}/gi, "<address>"],
  [/\b(token|token_hash|ticket|code|secret|password|apikey)=[^&\s"']+/gi, "$1=…"],
];

/** A longer message helps nobody, and some patterns need quadratic time. */
const maxLength = 2_000;

export function redact(text: string): string {
  if (text.length > maxLength) return `${redact(text.slice(0, maxLength)).replace(/\S*$/, "")}…`;
  return patterns.reduce((rest, [pattern, instead]) => rest.replace(pattern, instead), text);
}

/** Name, message and SQLSTATE of an error and its causes. It never contains a parameter of a query. */
export function describe(error: unknown): string {
  return redact(chain(error));
}

function chain(error: unknown): string {
  if (!(error instanceof Error)) return typeof error;
  const { code } = error as { code?: unknown };
  const own = `${error.name}: ${error.message}${code === undefined ? "" : ` (${String(code)})`}`;
  return error.cause === undefined ? own : `${own} ← ${chain(error.cause)}`;
}
