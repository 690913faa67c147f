import fc from "fast-check";
import { expandSchema, type Operation, type Schema } from "../contract/document.ts";
import { type CallerName, callerNames } from "./callers.ts";
import { type File, formOf } from "./forms.ts";
import { nastyHeader, nastyJson, nastyText, nastyValue } from "./nasty.ts";

export type Input = {
  caller: CallerName;
  path: Record<string, string>;
  query: [string, string][];
  headers: Record<string, string>;
  /** With `pieces` the body is sent in so many chunks, with pauses and without a length. */
  body?: { type: string; text: string; pieces?: number } | { fields: [string, string | File][] };
};

/** Existing ids by the name of the parameter or field. They change during a run. */
export type Ids = Record<string, string[]>;

export function inputOf({ parameters, requestBody }: Operation, ids: Ids): fc.Arbitrary<Input> {
  const of = (where: string) => parameters.filter((parameter) => parameter.in === where);
  const path = fc.record(
    Object.fromEntries(
      of("path").map(({ name, schema }) => [
        name,
        mostly(8, textOf(schema, ids, name), nastyText.map(asSegment)),
      ]),
    ),
  );
  const query = fc
    .array(
      fc.oneof(
        ...of("query").map(({ name, schema }) =>
          fc.tuple(fc.constant(name), mostly(3, textOf(schema, ids, name), nastyText)),
        ),
        fc.tuple(nastyText, nastyText),
      ),
      { maxLength: 4 },
    )
    .map((pairs) => pairs.map(([name, value]): [string, string] => [name, shortWait(name, value)]));
  const named = Object.fromEntries(of("header").map(({ name }) => [name, nastyHeader]));
  // At most one, since more would refuse almost every request.
  const more = fc.array(fc.oneof(...Object.entries(common).map(pair)), { maxLength: 1 });
  const own = fc.record(named, { requiredKeys: [] }) as fc.Arbitrary<Record<string, string>>;
  const headers = fc
    .tuple(own, fc.option(more, { nil: [], freq: 1 }))
    .map(([one, others]) => ({ ...one, ...Object.fromEntries(others) }));
  const body =
    requestBody === undefined
      ? fc.constant(undefined)
      : fc.option(bodyOf(requestBody, ids), { nil: undefined, freq: 12 });
  return fc
    .record({ caller: fc.constantFrom(...callerNames), path, query, headers, body })
    .map(({ body: sent, ...input }) => (sent === undefined ? input : { ...input, body: sent }));
}

const pair = ([name, value]: [string, fc.Arbitrary<string>]) => fc.tuple(fc.constant(name), value);

const mostly = <T>(weight: number, usual: fc.Arbitrary<T>, other: fc.Arbitrary<T>) =>
  fc.oneof({ weight, arbitrary: usual }, { weight: 1, arbitrary: other });

/** Headers for any operation. */
const common = {
  "X-User-Role": fc.oneof(
    fc.constantFrom("platform_operator", "operator", "developer", "end_user"),
    nastyHeader,
  ),
  "X-Request-Id": nastyHeader,
  "X-Project-ID": nastyHeader,
  Origin: fc.oneof(fc.constantFrom("https://app.example.com", "null", "https://evil.example"), nastyHeader),
  "User-Agent": nastyHeader,
  Accept: nastyHeader,
  "Accept-Language": nastyHeader,
  "If-None-Match": nastyHeader,
  Range: fc.constantFrom("bytes=0-0", "bytes=9-1", "x"),
  "Content-Encoding": fc.constantFrom("identity", "gzip", "br", "x"),
  "X-HTTP-Method-Override": fc.constantFrom("DELETE", "PUT"),
};

/** Replaces empty segments and dots, which clients resolve before sending. */
const asSegment = (text: string) => (/^\.{0,2}$/.test(text) ? "x" : text);

/** Shortens long polls, which would look like a hang. */
const shortWait = (name: string, value: string) =>
  name === "wait" && Number(value) > 1 && Number(value) <= 25 ? "1" : value;

const textOf = (schema: Schema, ids: Ids, name: string): fc.Arbitrary<string> =>
  valueFor(schema, ids, name).map((value) => (typeof value === "string" ? value : JSON.stringify(value)));

function bodyOf({ content }: NonNullable<Operation["requestBody"]>, ids: Ids): fc.Arbitrary<Input["body"]> {
  const sent = Object.entries(content).map(([type, { schema }]) => {
    const usual = valueFor(schema, ids, "");
    if (type === "multipart/form-data") return formOf(usual);
    if (type === "application/x-www-form-urlencoded")
      return mostly(3, usual.map(encode), nastyText).map((text) => ({ type, text }));
    const wrecked = fc.tuple(usual, nastyText, nastyValue).map(wreck);
    const text = fc.oneof(
      { weight: 4, arbitrary: usual.map((value) => JSON.stringify(value)) },
      { weight: 4, arbitrary: wrecked.map((value) => JSON.stringify(value) ?? "") },
      { weight: 1, arbitrary: nastyJson },
    );
    const types = mostly(
      9,
      fc.constant(type),
      fc.constantFrom(
        "text/plain",
        "application/json; charset=utf-16",
        "application/json; charset=utf-7",
        "application/json; charset=iso-8859-1",
        "multipart/form-data; boundary=x",
        "application/xml",
        "multipart/form-data",
        "json",
        "",
      ),
    );
    const pieces = fc.option(fc.integer({ min: 2, max: 5 }), { nil: undefined, freq: 1 });
    return fc
      .record({ type: types, text, pieces })
      .map(({ pieces, ...whole }) => (pieces === undefined ? whole : { ...whole, pieces }));
  });
  return fc.oneof(...sent);
}

/** Puts a hostile value into one field, or adds an unknown field. */
function wreck([value, name, nasty]: [unknown, string, unknown]): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return nasty;
  const fields = Object.keys(value);
  const field = fields[name.length % (fields.length + 1)];
  return field === undefined ? { ...value, [name]: nasty } : { ...value, [field]: nasty };
}

const encode = (value: unknown) =>
  new URLSearchParams(Object.entries(value as object).map(([name, one]) => [name, String(one)])).toString();

/** Values that the schema allows. */
export function valueFor(raw: Schema, ids: Ids, name: string): fc.Arbitrary<unknown> {
  const schema = expandSchema(raw, false);
  const options = schema.anyOf ?? schema.oneOf;
  if (options !== undefined) return fc.oneof(...options.map((one: Schema) => valueFor(one, ids, name)));
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  const types = [schema.type ?? (schema.properties === undefined ? "string" : "object")].flat();
  return fc.oneof(...types.map((type: string) => ofType({ ...schema, type }, ids, name)));
}

function ofType(schema: Schema, ids: Ids, name: string): fc.Arbitrary<unknown> {
  const example = schema.example ?? schema.examples?.[0];
  const plus = (usual: fc.Arbitrary<unknown>) =>
    example === undefined ? usual : fc.oneof(usual, fc.constant(example));
  switch (schema.type) {
    case "null":
      return fc.constant(null);
    case "boolean":
      return fc.boolean();
    case "integer":
    case "number":
      return plus(
        fc.integer({
          min: Math.max(schema.minimum ?? 0, -(2 ** 31)),
          max: Math.min(schema.maximum ?? 1000, 2 ** 31),
        }),
      );
    case "array":
      return plus(
        fc.array(valueFor(schema.items ?? {}, ids, name), {
          minLength: schema.minItems ?? 0,
          maxLength: Math.min(schema.maxItems ?? 3, 3),
        }),
      );
    case "object": {
      const entries = Object.entries<Schema>(schema.properties ?? {});
      return fc.record(Object.fromEntries(entries.map(([key, value]) => [key, valueFor(value, ids, key)])), {
        requiredKeys: schema.required ?? [],
      });
    }
    default:
      return plus(textLike(schema, ids, name));
  }
}

function textLike(schema: Schema, ids: Ids, name: string): fc.Arbitrary<string> {
  // Half of the ids exist, if any is known.
  const orKnown = (unknown: fc.Arbitrary<string>) =>
    fc.tuple(fc.nat(), unknown, fc.boolean()).map(([at, other, isKnown]) => {
      const list = ids[name] ?? [];
      return (isKnown && list[at % list.length]) || other;
    });
  if (schema.format === "uuid") return orKnown(fc.uuid());
  if (schema.format === "email") return orKnown(fc.nat().map((at) => `fuzz-${at}@example.com`));
  if (schema.format === "date-time") {
    const range = { min: new Date(0), max: new Date("2100-01-01"), noInvalidDate: true };
    return fc.date(range).map((date) => date.toISOString());
  }
  if (schema.format === "uri") return fc.webUrl();
  if (schema.format === "binary") return fc.constant("x");
  const length = { minLength: schema.minLength ?? 0, maxLength: Math.min(schema.maxLength ?? 30, 60) };
  if (/password/.test(name))
    return orKnown(fc.string({ ...length, minLength: 8 }).map((text) => `aA1${text}`));
  return orKnown(fc.string({ unit: "grapheme", ...length }));
}
