import { OpenAPIHono, z } from "@hono/zod-openapi";
import { canonicalPath } from "./canonical-path.ts";
import type { AppEnv } from "./context.ts";
import { emptyAsAbsent } from "./empty-fields.ts";
import { type FieldError, invalidFields } from "./errors.ts";
import { type Issue, sentenceFor } from "./sentences.ts";

export const version = "0.1.0";

type Requirement = Record<string, string[]>;

/** What a route asks for: each list is a choice, each entry of a choice is needed. */
export const security = {
  none: [{}] as Requirement[],
  user: [{ accessToken: [] }] as Requirement[],
  register: [{ operatorKey: [] }, { developerKey: [], projectId: [] }] as Requirement[],
  login: [{ projectId: [] }, {}] as Requirement[],
  manage: [{ accessToken: [] }, { developerKey: [] }, { operatorKey: [] }] as Requirement[],
  generate: [
    { accessToken: [], developerKey: [], projectId: [], apiKey: [] },
    { accessToken: [], projectId: [] },
  ] as Requirement[],
  image: [{}, { accessToken: [], developerKey: [], projectId: [], apiKey: [] }] as Requirement[],
  operate: [{ operatorKey: [] }, { accessToken: [] }] as Requirement[],
};

export const securitySchemes = {
  accessToken: {
    type: "http",
    scheme: "bearer",
    bearerFormat: "JWT",
    description: "Access token of login, register or refresh.",
  },
  operatorKey: {
    type: "apiKey",
    in: "header",
    name: "X-Operator-Key",
    description: "Runs the platform; never in a browser.",
  },
  developerKey: { type: "apiKey", in: "header", name: "X-Developer-Key", description: "Names a developer." },
  projectId: { type: "apiKey", in: "header", name: "X-Project-ID", description: "UUID of the project." },
  apiKey: { type: "apiKey", in: "header", name: "X-API-Key", description: "Key of the project." },
} as const;

export const errorSchema = z
  .object({
    detail: z.string().openapi({ description: "One sentence for a person.", example: "Project not found." }),
    code: z.string().openapi({ description: "Stable, for programs.", example: "project_not_found" }),
    request_id: z.string().openapi({
      description: "Also in the header X-Request-Id.",
      example: "3d1b9f7e-7c25-4a6a-8d4c-2f6a8e0c4b09",
    }),
    errors: z
      .array(
        z.object({
          loc: z.array(z.union([z.string(), z.number()])).openapi({
            description: "`body`, `query`, `path` or `header`, then the way to the field.",
            example: ["body", "name"],
          }),
          msg: z.string().openapi({ description: "What is wrong with it.", example: "Required" }),
          type: z
            .string()
            .openapi({ description: "The kind of mistake, for programs.", example: "invalid_type" }),
        }),
      )
      .optional()
      .openapi({ description: "Only with 422: each field that is wrong." }),
    retry_after: z
      .number()
      .optional()
      .openapi({ description: "Seconds to wait; also in the header Retry-After." }),
  })
  .openapi("Error");

const meanings: Record<number, string> = {
  400: "The request is malformed, or the account is not activated.",
  401: "Not authenticated.",
  403: "Not allowed, or a key is missing or not valid.",
  404: "Not found; also what belongs to somebody else.",
  408: "The body came too slowly.",
  409: "Conflicts with what is there.",
  413: "Too large.",
  415: "Unsupported content.",
  422: "A field is not valid.",
  429: "Over a limit.",
  501: "Not offered.",
  502: "A service behind the API gave an unusable answer.",
  503: "A service behind the API does not answer.",
};

/** The error answers of a route. Every route that asks the database can also answer 503, and one that reads a body 408. */
export function errorResponses(...statuses: number[]) {
  const always = statuses.includes(501) ? [] : [503];
  const entries = [...statuses, ...(statuses.includes(413) ? [408] : []), ...always].map(
    (status) =>
      [
        status,
        { description: meanings[status] ?? "", content: { "application/json": { schema: errorSchema } } },
      ] as const,
  );
  // Handlers throw these, so the type of a route knows its 2xx alone.
  return Object.fromEntries(entries) as object;
}

export function jsonResponse<T extends z.ZodType>(schema: T, description: string) {
  return { description, content: { "application/json": { schema } } };
}

export function jsonBody<T extends z.ZodType>(schema: T) {
  const lenient = z.preprocess(
    (json) => (schema instanceof z.ZodObject ? emptyAsAbsent(schema, json) : json),
    schema,
  );
  return { body: { required: true, content: { "application/json": { schema: lenient } } } } as const;
}

/** An app whose paths are canonical and whose failed validations become a 422 of ours. */
export function createRouter(): OpenAPIHono<AppEnv> {
  return new OpenAPIHono<AppEnv>({
    getPath: (request) => canonicalPath(pathOf(request.url)),
    defaultHook: (result) => {
      if (result.success) return;
      const source = {
        json: "body",
        form: "body",
        query: "query",
        param: "path",
        header: "header",
        cookie: "cookie",
      }[result.target];
      throw invalidFields(
        toFieldErrors(result.error.issues, source ?? result.target, (result as { data?: unknown }).data),
      );
    },
  });
}

/** What a parser would leave as it is needs none, and it takes several times as long. */
const plainUrl = /^https?:\/\/[^/?#\\]+(\/[\w/-]*)(?:\?|$)/;

/** Longer than any address of ours with its query. */
export const maxAddressLength = 8_192;

function pathOf(url: string): string {
  // Nothing is served there, whatever else is in it.
  if (url.length > maxAddressLength) return "/address-too-long";
  return plainUrl.exec(url)?.[1] ?? new URL(url).pathname;
}

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
