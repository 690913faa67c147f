import type { FieldError } from "./errors.ts";
import { type Issue, sentenceFor } from "./sentence-about.ts";

const maxErrors = 20;
/** Names that a caller chose come back in an error: no more of them than this. */
const maxNameLength = 64;

/** What is wrong with `value`, which stands in `within`, each problem as a sentence at the field that it is about. */
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
      // A mistyped name explains why the field itself is missing.
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

/** Of several shapes, the problems of the one that fits best; of several unknown fields, one problem each. */
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
