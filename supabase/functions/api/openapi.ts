import { OpenAPIHono, z } from "@hono/zod-openapi";
import { canonicalPath } from "./canonical-path.ts";
import type { AppEnv } from "./context.ts";
import { emptyAsAbsent } from "./empty-fields.ts";
import { type ErrorCode, invalidFields, statusOf } from "./errors.ts";
import { toFieldErrors } from "./field-errors.ts";

export const version = "0.1.0";

type Requirement = Record<string, string[]>;

/** What a route asks for: each list is a choice, each entry of a choice is needed. */
export const security = {
  none: [{}] as Requirement[],
  user: [{ accessToken: [] }] as Requirement[],
  register: [{ developerKey: [], projectId: [] }, { operatorKey: [] }] as Requirement[],
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
    doc_url: z.string().optional().openapi({
      description: "Cause and cure of this code, where the operator has published the guides.",
      example: "https://docs.example.com/errors.html#project_not_found",
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

const keys = [
  "invalid_project_id",
  "project_not_found",
  "operator_key_invalid",
  "operator_key_revoked",
  "operator_key_expired",
  "developer_key_invalid",
  "developer_key_revoked",
  "developer_key_rotated",
  "developer_key_expired",
  "api_key_invalid",
  "api_key_revoked",
  "api_key_rotated",
  "api_key_expired",
  "key_not_for_browsers",
  "role_mismatch",
  "database_unavailable",
] as const;
const signedIn = [
  ...keys,
  "invalid_token",
  "not_authenticated",
  "account_deactivated",
  "account_not_verified",
  "project_inactive",
  "auth_unavailable",
] as const;
const account = [...signedIn, "origin_not_allowed", "rate_limited"] as const;
const storage = ["storage_error", "storage_unavailable"] as const;
const auth = ["auth_error", "auth_unavailable", "rate_limited"] as const;

/** What a request can be refused for by checks that many routes share. */
export const checks = {
  // Of the caller, one list for each scope of private.authorize.
  public: [...keys, "origin_not_allowed", "rate_limited"],
  account,
  platform: [...signedIn, "origin_not_allowed"],
  projects: [...signedIn, "rate_limited", "management_key_required", "developers_only"],
  generation: [...account, "project_id_required", "developer_key_required", "api_key_required"],
  // Of the body.
  json: [
    "malformed_json",
    "body_timeout",
    "payload_too_large",
    "unsupported_media_type",
    "validation_failed",
  ],
  pictures: [
    ...storage,
    "malformed_body",
    "file_too_large",
    "too_many_pixels",
    "unsupported_image",
    "overloaded",
  ],
  // Of a service.
  auth,
  storage,
  /** Of the password that proves once more who asks. */
  password: [...auth, "wrong_password", "attempts_exceeded"],
} as const satisfies Record<string, readonly ErrorCode[]>;

/** Where an answer of a route carries its codes, until the document shows an example of each. */
export const codesField = "x-codes";

/** The error answers of a route, by code. Handlers throw them, so the type of a route knows its 2xx alone. */
export function errors(...codes: (ErrorCode | readonly ErrorCode[])[]): object {
  const byStatus = Map.groupBy(new Set(codes.flat()), statusOf);
  const answers = [...byStatus].map(([status, alike]) => [
    status,
    {
      description: meanings[status] ?? "",
      content: { "application/json": { schema: errorSchema } },
      [codesField]: alike,
    },
  ]);
  return Object.fromEntries(answers);
}

/** `example` names the fields that differ from the example of the schema. */
export function jsonResponse<T extends z.ZodType>(schema: T, description: string, example?: object) {
  return { description, content: { "application/json": { schema, ...(example && { example }) } } };
}

const jsonContent = <T extends z.ZodType>(schema: T) => {
  const lenient = z.preprocess(
    (json) => (schema instanceof z.ZodObject ? emptyAsAbsent(schema, json) : json),
    schema,
  );
  return { "application/json": { schema: lenient } };
};

export const jsonBody = <T extends z.ZodType>(schema: T) =>
  ({ body: { required: true, content: jsonContent(schema) } }) as const;

/** For `jsonOrNothing`: without a body every field has its default. */
export const optionalJsonBody = <T extends z.ZodType>(schema: T) =>
  ({ body: { required: false, content: jsonContent(schema) } }) as const;

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
