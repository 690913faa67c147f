import { readFileSync } from "node:fs";
import { join } from "node:path";
import { repositoryRoot } from "../../../scripts/local/settings.ts";
import { canonicalPath } from "../../../supabase/functions/api/canonical-path.ts";

export type Schema = Record<string, any>;
export type Answer = {
  description: string;
  headers?: Record<string, { required?: boolean; schema: Schema; description?: string }>;
  /** `examples` has the examples of errors by their code. */
  content?: Record<string, { schema: Schema; example?: unknown; examples?: Record<string, Schema> }>;
};
export type Operation = {
  id: string;
  method: string;
  path: string;
  parameters: { name: string; in: string; required?: boolean; schema: Schema; example?: unknown }[];
  requestBody?: { required?: boolean; content: Record<string, { schema: Schema; example?: unknown }> };
  responses: Record<string, Answer>;
  security: Record<string, string[]>[];
  tags: string[];
};

export const document: Schema = JSON.parse(readFileSync(join(repositoryRoot, "docs/openapi.json"), "utf8"));

export const operations: Operation[] = Object.entries<Schema>(document.paths).flatMap(([path, methods]) =>
  Object.entries<Schema>(methods).map(
    ([method, { operationId, parameters = [], responses, ...operation }]) => ({
      id: operationId,
      method: method.toUpperCase(),
      path,
      parameters: parameters.map(resolveRefs),
      responses: Object.fromEntries(
        Object.entries<Answer>(responses).map(([status, answer]) => [status, resolveRefs(answer)]),
      ),
      ...(operation as Pick<Operation, "requestBody" | "security" | "tags">),
    }),
  ),
);

const isFixed = ({ path }: Operation) => !path.includes("{");
const patterns = [...operations.filter(isFixed), ...operations.filter((one) => !isFixed(one))].map(
  (operation) => ({
    operation,
    pattern: new RegExp(`^${operation.path.replace(/\{\w+\}/g, "[^/]+")}$`),
  }),
);

/** The operation that answers a request, by any of its paths. Undefined for an unknown path. */
export function operationOf(method: string, pathname: string): Operation | undefined {
  const path = canonicalPath(pathname.replace(/\/{2,}/g, "/").replace(/^\/functions\/v1(?=\/)/, ""));
  const named = patterns.filter(({ pattern }) => pattern.test(path));
  // As in the app, the first matching path answers. A fixed path hides one with a parameter.
  const [first] = named;
  return named.find(
    ({ operation }) => operation.path === first?.operation.path && operation.method === method,
  )?.operation;
}

export function resolveRefs<T>(value: T): T {
  const reference = (value as Schema | undefined)?.$ref as string | undefined;
  if (reference === undefined) return value;
  return reference
    .slice(2)
    .split("/")
    .reduce((at, name) => at[name], document) as T;
}

/** The schema without references. `exactly` forbids fields that the schema does not have. */
export function expandSchema(schema: Schema, exactly: boolean): Schema {
  const closed = (part: Schema) => expandSchema(part, exactly);
  const { allOf, ...own } = resolveRefs(schema);
  const parts = (allOf ?? []).map(closed) as Schema[];
  const merged: Schema = { ...Object.assign({}, ...parts), ...own };
  for (const key of ["anyOf", "oneOf"]) if (merged[key]) merged[key] = merged[key].map(closed);
  for (const key of ["items", "additionalProperties"]) {
    if (typeof merged[key] === "object") merged[key] = closed(merged[key]);
  }
  const all = [...parts, own];
  const properties = Object.assign({}, ...all.map((part) => part.properties));
  if (Object.keys(properties).length === 0) return merged;
  return {
    ...merged,
    properties: Object.fromEntries(
      Object.entries<Schema>(properties).map(([name, value]) => [name, closed(value)]),
    ),
    required: [...new Set(all.flatMap((part) => part.required ?? []))],
    ...(exactly && merged.additionalProperties === undefined && { additionalProperties: false }),
  };
}
