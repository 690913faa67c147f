import { type Label, labels } from "./labels.ts";
import { plural } from "./plural.ts";
import { predicates } from "./predicates.ts";

const types: Record<string, string> = {
  array: "must be a list",
  boolean: "must be true or false",
  int: "must be a whole number",
  null: "must be empty",
  number: "must be a number",
  object: "must be an object",
  string: "must be text",
};

const formats: Record<string, string> = {
  datetime: predicates.instant,
  email: predicates.email,
  safeint: "must be a whole number",
  url: "must be an address such as https://app.example.com",
  uuid: predicates.hex_id,
};

export type Loc = (string | number)[];
/** An issue as zod gives it to an error map, before it has a message. */
type RawIssue = {
  message?: string | undefined;
  code?: string | undefined;
  errors?: Issue[][];
  expected?: string;
  format?: string;
  keys?: string[];
  maximum?: number | bigint;
  minimum?: number | bigint;
  origin?: string;
  values?: unknown[];
};
export type Issue = RawIssue & { path: PropertyKey[]; message: string };

const entries = (count: unknown, { many = "entries" }: Label) =>
  count === 1 ? "one entry" : `${count} ${many}`;

/** An empty or null field counts as absent. */
const isAbsent = (value: unknown) => value === undefined || value === null || value === "";

/** One entry for each kind of issue that a schema can report. `value` is the value in the request. */
const rules: Record<string, (issue: RawIssue, value: unknown, label: Label) => string> = {
  custom: ({ message = "is not valid" }) => message,
  invalid_element: () => "contains something that is not allowed",
  invalid_format: ({ format = "" }) => formats[format] ?? "does not have the right form",
  invalid_key: () => "contains a field that is not allowed",
  invalid_type: ({ expected = "" }, value) =>
    isAbsent(value) ? "is missing" : (types[expected] ?? "is not of the right kind"),
  invalid_union: () => "does not have one of the forms that are allowed",
  invalid_value: ({ values = [] }) =>
    values.length === 1 ? `must be ${values[0]}` : `must be one of these: ${values.join(", ")}`,
  not_multiple_of: () => "must be a whole number",
  too_big: ({ origin, maximum }, _, label) => {
    if (origin === "string") return `may have at most ${plural(maximum, "character")}`;
    return origin === "array" ? `may have at most ${entries(maximum, label)}` : `may be at most ${maximum}`;
  },
  too_small: ({ origin, minimum }, _, label) => {
    if (origin === "string" && minimum === 1) return predicates.not_empty;
    if (origin === "string") return `must have at least ${plural(minimum, "character")}`;
    return origin === "array"
      ? `must have at least ${entries(minimum, label)}`
      : `must be at least ${minimum}`;
  },
  unrecognized_keys: ({ message = "is not valid" }) => message,
};
export const ruleNames = Object.keys(rules);

/** A whole sentence about the field at `loc`, which begins with `body`, `query`, `path` or `header`. */
export function sentenceAbout(loc: Loc, predicate: string): string {
  if (/^["A-Z].*[.?!]$/s.test(predicate)) return predicate;
  const name = loc.findLast((part) => typeof part === "string" && labels[part] !== undefined) ?? "";
  const { field, one } = labels[name] ?? unnamed(loc);
  return `${typeof loc.at(-1) === "number" ? (one ?? field) : field} ${predicate}.`;
}

const unnamed = (loc: Loc): Label =>
  loc.length > 1 ? { field: `The field "${loc.at(-1)}"` } : { field: "The request" };

export function sentenceFor(issue: Issue, loc: Loc, value: unknown): string {
  const label = labels[String(loc.findLast((part) => typeof part === "string"))] ?? unnamed(loc);
  return sentenceAbout(loc, predicateFor(issue, value, label));
}

/** The part of the sentence after the name of the field. */
export function predicateFor(issue: RawIssue, value: unknown, label: Label): string {
  const rule = rules[issue.code ?? "custom"] ?? rules.invalid_union;
  return rule?.(issue, value, label) ?? "is not valid";
}
