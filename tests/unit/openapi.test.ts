import { describe, expect, test } from "vitest";
import { errorCodes, isErrorCode, statusOf } from "../../supabase/functions/api/errors.ts";
import { mismatches } from "../support/contract/check.ts";
import { document, operations, resolveRefs, type Schema } from "../support/contract/document.ts";

/** Every named field of a schema, with its path. */
function fields(schema: Schema, at: string): [string, Schema][] {
  const parts = [...(schema.allOf ?? []), ...(schema.anyOf ?? []), ...(schema.items ? [schema.items] : [])];
  const own = Object.entries<Schema>(schema.properties ?? {}).map(
    ([name, part]) => [`${at}.${name}`, part] as [string, Schema],
  );
  return [
    ...own,
    ...own.flatMap(([name, part]) => fields(part, name)),
    ...parts.flatMap((part) => fields(part, at)),
  ];
}

const allFields = Object.entries<Schema>(document.components.schemas).flatMap(([name, schema]) =>
  fields(schema, name),
);

const describes = (schema: Schema): boolean =>
  Boolean(schema.description) ||
  (schema.allOf ?? []).some(describes) ||
  Boolean(resolveRefs(schema).description);

test("every field of the OpenAPI document has a description", () => {
  expect(allFields.length).toBeGreaterThan(150);
  expect(allFields.filter(([, schema]) => !describes(schema)).map(([name]) => name)).toEqual([]);
});

test("server variables have only the fields that the published JSON Schema of OpenAPI 3.1 knows, without a description", () => {
  const variables = document.servers.flatMap((server: Schema) =>
    Object.values<object>(server.variables ?? {}),
  );
  expect(variables.length).toBeGreaterThan(0);
  for (const variable of variables)
    expect(["default", "enum"]).toEqual(expect.arrayContaining(Object.keys(variable)));
});

test("the OpenAPI document describes every tag and every security scheme, and an operation uses each", () => {
  const used = new Set(operations.flatMap(({ security }) => security.flatMap(Object.keys)));
  const schemes = document.components.securitySchemes as Record<string, Schema>;
  expect([...used].sort()).toEqual(Object.keys(schemes).sort());
  expect(Object.values(schemes).every(({ description }) => description)).toBe(true);
  expect(document.tags.every(({ description }: Schema) => description)).toBe(true);
  const tags = document.tags.map(({ name }: Schema) => name);
  expect([...tags].sort()).toEqual([...new Set(operations.flatMap(({ tags }) => tags))].sort());
  expect(tags[0]).toBe("Authentication");
});

/** A summary begins with one of these verbs. */
const verbs =
  "Accept Call Cancel Change Check Create Delete End Get List Offer Preview Publish Receive Refresh Replace Request Restore Revoke Send Set Verify Watch".split(
    " ",
  );

describe.each(operations.map((operation) => [operation.id, operation] as const))("%s", (id, operation) => {
  const { parameters, requestBody, responses } = operation;

  test(`OpenAPI gives ${id} a summary, a description, and a description of each parameter`, () => {
    const { summary, description } = document.paths[operation.path][operation.method.toLowerCase()];
    expect(summary).toMatch(new RegExp(`^(${verbs.join("|")}) .*[^.,]$|^Sign (in|out)$`));
    expect(description).toMatch(/^[A-Z].*\.$/s);
    for (const { name, schema } of parameters)
      expect([name, schema.description]).toEqual([name, expect.any(String)]);
  });

  test(`the example requests of ${id} match its schemas`, () => {
    for (const { name, schema } of parameters)
      expect([name, mismatches(schema, schema.example ?? schema.default)]).toEqual([name, []]);
    for (const { schema, example } of Object.values(requestBody?.content ?? {})) {
      expect(mismatches(schema, example, false)).toEqual([]);
    }
  });

  test(`the example answers of ${id} match its schemas, headers included`, () => {
    for (const [status, { description, content = {}, headers = {} }] of Object.entries(responses)) {
      expect([status, description]).toEqual([status, expect.stringMatching(/./)]);
      for (const { schema, example, examples = { one: { value: example } } } of Object.values(content)) {
        for (const [name, shown] of Object.entries(examples))
          expect([status, name, mismatches(schema, resolveRefs(shown).value)]).toEqual([status, name, []]);
      }
      for (const [name, header] of Object.entries(headers).map(
        ([name, one]) => [name, resolveRefs(one)] as const,
      )) {
        expect([name, header.description]).toEqual([name, expect.any(String)]);
        expect([name, mismatches(header.schema, header.schema.example)]).toEqual([name, []]);
      }
    }
  });
});

test("the OpenAPI document names each error example after its code, below the status of that code", () => {
  const wrong = operations.flatMap(({ id, responses }) =>
    Object.entries(responses).flatMap(([status, { content = {} }]) =>
      Object.entries(content["application/json"]?.examples ?? {}).flatMap(([code, shown]) =>
        isErrorCode(code) && statusOf(code) === Number(status) && resolveRefs(shown).value.code === code
          ? []
          : [`${id} ${status} ${code}`],
      ),
    ),
  );
  expect(wrong).toEqual([]);
});

/** These codes belong to unknown addresses and methods, to cron, and to faults that no caller can cause. */
const ofNoOperation = [
  "address_too_long",
  "generation_state_conflict",
  "internal_error",
  "invalid_cron_secret",
  "invalid_text",
  "method_not_allowed",
  "not_found",
];

test("an operation documents every error code, except seven that belong to no operation", () => {
  const documented = new Set(
    operations.flatMap(({ responses }) =>
      Object.values(responses).flatMap(({ content = {} }) =>
        Object.keys(content["application/json"]?.examples ?? {}),
      ),
    ),
  );
  expect(errorCodes.filter((code) => !documented.has(code)).sort()).toEqual(ofNoOperation);
});

test.each([
  ["/api/v1/generation/generate-v2", "pending"],
  ["/api/v1/generation/{generation_id}/cancel", "canceled"],
  ["/api/v1/generation/{generation_id}/status", "completed"],
])("the example answer of %s has the status %s", (path, status) => {
  const [operation] = Object.values<any>(document.paths[path]);
  const { example } = operation.responses[200].content["application/json"];
  expect(example.status).toBe(status);
  expect(example.images).toHaveLength(status === "completed" ? 1 : 0);
});
