import { ApiError, type ErrorCode, invalidField, statusOf } from "../../supabase/functions/api/errors.ts";

// biome-ignore lint/suspicious/noExplicitAny: a JSON Schema may have any form.
export type Schema = { [key: string]: any };
type Resolve = (schema: Schema) => Schema;

/** Resolves a reference of the document. Fields beside the reference apply too. */
export const resolveIn =
  (document: Schema): Resolve =>
  ({ $ref, ...own }) =>
    $ref === undefined
      ? own
      : {
          ...$ref
            .slice(2)
            .split("/")
            .reduce((at: Schema, name: string) => at[name], document),
          ...own,
        };

/**
 * An example that is composed from the examples of a schema's parts. Of several shapes it uses the first. Undefined
 * without an example.
 */
export function exampleOf(schema: Schema, resolve: Resolve): unknown {
  const { allOf = [], anyOf, oneOf, properties, items, example, const: only, ...rest } = resolve(schema);
  if (example !== undefined) return example;
  if (only !== undefined) return only;
  const [shape] = anyOf ?? oneOf ?? [];
  if (shape !== undefined) return exampleOf(shape, resolve);
  if (items !== undefined) return [exampleOf(items, resolve)];
  if (properties === undefined && allOf.length === 0) return rest.default;
  const own = Object.entries<Schema>(properties ?? {}).map(([name, part]) => [
    name,
    exampleOf(part, resolve),
  ]);
  return Object.assign(
    {},
    ...allOf.map((part: Schema) => exampleOf(part, resolve)),
    Object.fromEntries(own.filter(([, value]) => value !== undefined)),
  );
}

const retryAfterSeconds = 30;

/** The example of an error. `field` is the path of an invalid field. */
export function errorExample(code: ErrorCode, field: string[]): Schema {
  const isLimit = statusOf(code) === 429;
  const error =
    code !== "validation_failed"
      ? new ApiError(code, isLimit ? { retryAfterSeconds } : {})
      : field[0] === "body"
        ? invalidField(field, "is missing", "invalid_type")
        : invalidField(field, "is not valid", "invalid_format");
  return {
    detail: error.detail,
    code: error.code,
    request_id: "3d1b9f7e-7c25-4a6a-8d4c-2f6a8e0c4b09",
    ...(error.errors && { errors: error.errors }),
    ...(error.retryAfterSeconds && { retry_after: error.retryAfterSeconds }),
  };
}
