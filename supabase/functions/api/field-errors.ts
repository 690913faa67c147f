import type { FieldError } from "./errors.ts";
import { type Issue, sentenceFor } from "./sentence-about.ts";

const maxErrors = 20;
/** Errors repeat the caller's field names up to this length. */
const maxNameLength = 64;

/** The problems of `value` in `within`. Each has a sentence and the place of its field. */
export function toFieldErrors(
  issues: readonly Issue[],
  source: string,
  value: unknown,
  ...within: string[]
): FieldError[] {
  return (
    issues
      .slice(0, maxErrors)
      .flatMap(flatten)
      // A mistyped name comes first, since it explains the missing field.
      .sort((a, b) => Number(isUnknown(b)) - Number(isUnknown(a)))
      .slice(0, maxErrors)
      .map((issue) => {
        const loc = [source, ...within, ...issue.path.map(nameOf)];
        return {
          loc,
          msg: sentenceFor(issue, loc, valueAt(value, issue.path)),
          type: issue.code ?? "value_error",
        };
      })
  );
}

const isUnknown = ({ code }: Issue) => code === "unrecognized_keys";
const nameOf = (part: PropertyKey) =>
  typeof part === "number" ? part : String(part).slice(0, maxNameLength);

const valueAt = (value: unknown, path: PropertyKey[]) =>
  path.reduce((at, part) => (at as Record<PropertyKey, unknown> | null | undefined)?.[part], value);

/** Splits an issue: a union gives the problems of its best match, and unknown fields give one problem each. */
function flatten(issue: Issue): Issue[] {
  const { errors = [], keys = [], path } = issue;
  const [best] = errors.toSorted((a, b) => a.length - b.length);
  if (best !== undefined) return best.flatMap((one) => flatten({ ...one, path: [...path, ...one.path] }));
  if (!isUnknown(issue)) return [issue];
  return keys.slice(0, maxErrors).map((key, at) => ({
    ...issue,
    path: [...path, key],
    message: issue.message.split("\n")[at] ?? issue.message,
  }));
}
