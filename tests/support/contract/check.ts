import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import { cacheControl } from "../../../supabase/functions/api/middleware/cache-control.ts";
import { type Answer, expandSchema, type Operation, resolveRefs, type Schema } from "./document.ts";
import { isSentence } from "./sentence.ts";

const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: true });
const ajvOfAnswers = new Ajv2020({ strict: false, allErrors: true, validateFormats: true });
for (const one of [ajv, ajvOfAnswers]) {
  formats.default(one);
  one.addFormat("binary", true);
  // White space around an address is allowed.
  one.addFormat("idn-email", /^\s*[^@\s]+@[^@\s]+\s*$/);
}
// Requests may use every form of RFC 3339. Answers use one.
ajvOfAnswers.addFormat("date-time", /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);

const exact = new WeakMap<Schema, ValidateFunction>();
const lenient = new WeakMap<Schema, ValidateFunction>();
/** By compiler and text: seven hundred answers have fewer than fifty schemas. */
const byText = new Map<string, ValidateFunction>();

/** The differences between a value and its schema, one sentence each. `exactly` also refuses unknown fields. */
export function mismatches(schema: Schema, value: unknown, exactly = true): string[] {
  const compiled = exactly ? exact : lenient;
  const validate = compiled.get(schema) ?? compile(schema, exactly);
  compiled.set(schema, validate);
  if (validate(value)) return [];
  return (validate.errors ?? []).map(({ instancePath, message, params }) => {
    const extra = params.additionalProperty ?? params.allowedValues?.join(" | ");
    return `${instancePath || "the body"} ${message}${extra === undefined ? "" : `: ${extra}`}`;
  });
}

function compile(schema: Schema, exactly: boolean): ValidateFunction {
  const expanded = expandSchema(schema, exactly);
  const text = `${exactly} ${JSON.stringify(expanded)}`;
  const validate = byText.get(text) ?? (exactly ? ajvOfAnswers : ajv).compile(expanded);
  byText.set(text, validate);
  return validate;
}

/** Headers that must be documented. Those of HTTP, CORS and the server need not be. */
const ours =
  /^(x-(?!powered-by|content-type-options)|ratelimit|retry-after$|www-authenticate$|location$|idempotent)/;

export type Received = { status: number; headers: Headers; body: string };

/** The differences between an answer and the OpenAPI document. */
export function violations(operation: Operation, received: Received): string[] {
  // The API refuses such an address before its routes.
  if (received.status === 414) return wrongWords(received);
  const documented = operation.responses[received.status];
  const name = `${operation.id} (${operation.method} ${operation.path}) answered ${received.status}`;
  if (documented === undefined) {
    return [`${name}, which is not documented: ${received.body.slice(0, 200)}`];
  }
  const headers = { ...limitHeaders(operation), ...documented.headers };
  const wrong = [
    ...wrongBody(documented, received),
    ...wrongCode(documented, received),
    ...wrongHeaders(headers, received.headers),
    ...wrongWords(received),
    ...wrongKeeping(operation, received),
  ];
  return wrong.map((what) => `${name}: ${what}`);
}

/** Every answer may have the rate limit headers. They are documented once, with the 429. */
function limitHeaders({ responses }: Operation): NonNullable<Answer["headers"]> {
  const headers = Object.entries(responses[429]?.headers ?? {});
  return Object.fromEntries(headers.filter(([name]) => /ratelimit/i.test(name)));
}

function wrongBody({ content }: Answer, { headers, body }: Received): string[] {
  const type = headers.get("content-type")?.split(";")[0];
  if (content === undefined) return body === "" ? [] : [`a body that is not documented (${type})`];
  const media = content[type ?? ""];
  if (media === undefined) return [`the content type is ${type}, not ${Object.keys(content).join(" or ")}`];
  if (type === "text/event-stream") return eventsOf(body).flatMap((event) => mismatches(media.schema, event));
  if (type !== "application/json") return [];
  return mismatches(media.schema, JSON.parse(body));
}

/** An error must have one of its operation's codes. */
function wrongCode({ content }: Answer, { status, body }: Received): string[] {
  const { examples } = content?.["application/json"] ?? {};
  if (status < 400 || examples === undefined) return [];
  const { code } = JSON.parse(body) as { code: string };
  return Object.hasOwn(examples, code) ? [] : [`the code ${code} is not documented`];
}

/** The events of a stream: their fields, with `data` parsed as JSON. */
export function eventsOf(body: string): { event: string; id?: string; data: any }[] {
  const blocks = body.split("\n\n").slice(0, -1);
  const fields = blocks.map((block) =>
    Object.fromEntries(block.split("\n").map((line) => line.split(/: (.*)/s, 2) as [string, string])),
  );
  return fields
    .filter(({ data }) => data !== undefined)
    .map(({ data, ...rest }) => ({ ...rest, data: JSON.parse(data ?? "") }) as { event: string; data: any });
}

/** One table has the cacheable answers. All others must be no-store. */
function wrongKeeping({ id }: Operation, { status, headers }: Received): string[] {
  const expected = (status < 400 ? cacheControl[id] : undefined) ?? "no-store";
  const sent = headers.get("cache-control");
  return sent === expected ? [] : [`Cache-Control is ${sent}, not ${expected}`];
}

/** Every text of an error must be a sentence for a person. */
function wrongWords({ status, headers, body }: Received): string[] {
  if (status < 400 || headers.get("content-type")?.startsWith("application/json") !== true) return [];
  const { detail, errors = [] } = JSON.parse(body) as { detail?: string; errors?: { msg: string }[] };
  const texts = [detail, ...errors.map(({ msg }) => msg)].filter((text) => text !== undefined);
  return texts.filter((text) => !isSentence(text)).map((text) => `"${text}" is no sentence for a person`);
}

function wrongHeaders(documented: NonNullable<Answer["headers"]>, sent: Headers): string[] {
  const known = new Map(
    Object.entries(documented).map(([name, header]) => [name.toLowerCase(), resolveRefs(header)]),
  );
  const undocumented = [...sent.keys()]
    .filter((name) => ours.test(name) && !known.has(name))
    .map((name) => `the header ${name} is not documented`);
  const wrong = [...known].flatMap(([name, { required = false, schema }]) => {
    const text = sent.get(name);
    if (text === null) return required ? [`the header ${name} is missing`] : [];
    const isNumber = /^(integer|number)$/.test(schema.type ?? "");
    return mismatches(schema, isNumber && text !== "" ? Number(text) : text).map(
      (what) => `the header ${name} is ${text}: ${what}`,
    );
  });
  return [...undocumented, ...wrong];
}
