import { createApp } from "../../supabase/functions/api/app.ts";
import type { Deps } from "../../supabase/functions/api/context.ts";
import { codesField } from "../../supabase/functions/api/contract/errors.ts";
import { securitySchemes } from "../../supabase/functions/api/contract/security.ts";
import { type ErrorCode, errorCodes } from "../../supabase/functions/api/errors.ts";
import { version } from "../../supabase/functions/api/version.ts";
import { errorExample, exampleOf, resolveIn, type Schema } from "./openapi-examples.ts";

/** The OpenAPI 3.1 document, from the routes. It needs no running service. */
export function openApiDocument() {
  const app = createApp({ log: () => {} } as unknown as Deps);
  for (const [name, scheme] of Object.entries(securitySchemes)) {
    app.openAPIRegistry.registerComponent("securitySchemes", name, scheme);
  }
  for (const [name, header] of Object.entries(headers)) {
    app.openAPIRegistry.registerComponent("headers", name, header);
  }
  const document = app.getOpenAPI31Document({
    openapi: "3.1.0",
    info: {
      title: "Cloud API",
      version,
      description:
        "Accounts, projects, API keys, image generation and health for AI apps.\n\n" +
        "Every response has the header `X-Request-Id`. Every error has the same shape: branch on `code`, which never " +
        "changes, and show `detail`, which is a sentence. The API treats an optional input that is empty or null as absent, " +
        "also in the query. Doubled slashes and a trailing slash are accepted. Paths that older clients use also work without `/api/v1`.",
      license: { name: "MIT", url: "https://opensource.org/license/mit" },
    },
    servers: [
      { url: "http://127.0.0.1:54321", description: "Local, after `npm start`" },
      {
        url: "https://{ref}.supabase.co/functions/v1",
        description: "Hosted Supabase; `ref` is the reference ID of the project",
        // The JSON Schema that validators use for OpenAPI 3.1 knows no description of a variable.
        variables: { ref: { default: "project-ref" } },
      },
    ],
    // The order of the reference: the first steps of a new user come first.
    tags: [
      {
        name: "Authentication",
        description:
          "Accounts and sessions. An access token is valid for 30 minutes, its session for at most seven days.",
      },
      {
        name: "Generation",
        description:
          "Generate pictures from a prompt and from uploaded pictures. Create one, wait until it is completed, show it.",
      },
      {
        name: "Projects",
        description: "A project is a tenant of a developer, with its own end users, keys and pictures.",
      },
      {
        name: "API keys",
        description:
          "An API key identifies a project. Browser apps may contain it: the key alone reads no user's data.",
      },
      {
        name: "Developer keys",
        description:
          "A developer key identifies a developer. Browser apps may contain it: it manages nothing, unless it was created with `management`.",
      },
      { name: "Webhooks", description: "The API sends events of a project to a URL of its developer." },
      { name: "Health", description: "The state of the API and of the parts behind it." },
      {
        name: "Payments",
        description:
          "This service sells nothing. The endpoints exist for pages of the Starter Kit that call them.",
      },
    ],
  });
  complete(document as Schema);
  shareAnswers(document as Schema);
  return document;
}

/** The headers of answers. The status decides which ones an answer has, for all operations. */
const headers: Schema = {
  "X-Request-Id": {
    description:
      "The `X-Request-Id` of the request if it is valid, else a new UUID. Quote it when you ask for help.",
    required: true,
    schema: { type: "string", minLength: 1, maxLength: 128, example: "3d1b9f7e-7c25-4a6a-8d4c-2f6a8e0c4b09" },
  },
  "WWW-Authenticate": {
    description: "The authentication scheme to use.",
    required: true,
    schema: { type: "string", const: "Bearer", example: "Bearer" },
  },
  "Retry-After": {
    description: "Seconds to wait before you repeat the request.",
    schema: { type: "integer", minimum: 0, example: 30 },
  },
  "X-RateLimit-Limit": {
    description:
      "Requests that the limit allows in one window. All responses of a limited request have these five headers, errors included.",
    schema: { type: "integer", minimum: 1, example: 1000 },
  },
  "X-RateLimit-Remaining": {
    description: "Requests left in this window.",
    schema: { type: "integer", minimum: 0, example: 999 },
  },
  "X-RateLimit-Reset": {
    description: "When the next window begins, as a Unix time in seconds.",
    schema: { type: "integer", minimum: 0, example: 1795564800 },
  },
  RateLimit: {
    description:
      "The limit in the format of the IETF draft: its name, requests left, seconds until the next window.",
    schema: { type: "string", example: '"requests";r=999;t=43200' },
  },
  "RateLimit-Policy": {
    description: "The limit's name, requests per window, length of the window in seconds.",
    schema: { type: "string", example: '"requests";q=1000;w=86400' },
  },
};
const limitHeaders = Object.keys(headers).filter((name) => name.includes("RateLimit"));
const headersOf = (status: string, isLimited: boolean) => [
  "X-Request-Id",
  ...(isLimited && /^2|^429/.test(status) ? limitHeaders : []),
  ...(status === "401" ? ["WWW-Authenticate"] : []),
  ...(["409", "429", "503"].includes(status) ? ["Retry-After"] : []),
];

const operationsOf = ({ paths }: Schema) =>
  Object.values<Schema>(paths).flatMap((path) => Object.values<Schema>(path));

/** Adds the headers of its answers to every operation, and examples from those of the schemas. */
function complete(document: Schema): void {
  // The generator adds an empty list, but there are no webhooks in this document.
  delete document.webhooks;
  const { components } = document;
  components.examples = {};
  /** The examples of an answer, by code. Examples with a field are specific to an operation; all others are shared. */
  const shown = (codes: ErrorCode[], field: string[]) => {
    const examples: Schema = {};
    for (const code of errorCodes.filter((one) => codes.includes(one))) {
      const example = { value: errorExample(code, field) };
      if (code !== "validation_failed") components.examples[code] ??= example;
      examples[code] = code === "validation_failed" ? example : { $ref: `#/components/examples/${code}` };
    }
    return examples;
  };
  const resolve = resolveIn(document);
  for (const operation of operationsOf(document)) {
    // registerPath copies this property of the route, which is not part of OpenAPI.
    delete operation.middleware;
    const { parameters = [], requestBody, responses } = operation;
    for (const media of Object.values<Schema>(requestBody?.content ?? {})) {
      media.example = exampleOf(media.schema, resolve);
    }
    const field = wrongField(requestBody, parameters);
    for (const [status, response] of Object.entries<Schema>(responses)) {
      const common = headersOf(status, "429" in responses).map((name) => [
        name,
        { $ref: `#/components/headers/${name}` },
      ]);
      response.headers = { ...Object.fromEntries(common), ...response.headers };
      const codes: ErrorCode[] | undefined = response[codesField];
      delete response[codesField];
      for (const media of Object.values<Schema>(response.content ?? {})) {
        if (codes === undefined) media.example = answerExample(media, resolve);
        else media.examples = shown(codes, field);
      }
    }
  }
}

/** The example of a successful answer. A route gives only the differences from the schema's example. */
function answerExample({ schema, example }: Schema, resolve: (schema: Schema) => Schema): unknown {
  const usual = exampleOf(schema, resolve);
  return example === undefined ? usual : { ...(usual as Schema), ...example };
}

/** Describes an error answer that several operations share only once, by its codes. */
function shareAnswers(document: Schema): void {
  const { components } = document;
  const places = operationsOf(document)
    .flatMap(({ responses }: Schema) => Object.keys(responses).map((status) => ({ responses, status })))
    .filter(({ status }) => Number(status) >= 400);
  const byText = Map.groupBy(places, ({ responses, status }) => JSON.stringify(responses[status]));
  components.responses = {};
  for (const [text, alike] of byText) {
    if (alike.length === 1) continue;
    const answer = JSON.parse(text) as Schema;
    const [media] = Object.values<Schema>(answer.content ?? {});
    const examples = Object.entries<Schema>(media?.examples ?? {});
    const codes = examples.map(([code]) => code);
    const fields = examples.flatMap(([, { value }]) => value?.errors?.[0]?.loc ?? []);
    // Unhealthy answers have their own form, without a code.
    const first = codes[0] ?? "unhealthy";
    const ends = new Set([first, codes.at(-1) ?? first]);
    const names = [
      [first, ...fields],
      [...ends, ...fields],
      [...ends, codes.length, ...fields],
    ];
    const name = names.map((parts) => parts.join(".")).find((one) => !(one in components.responses));
    if (name === undefined) throw new Error(`Two answers have the name ${names.at(-1)?.join(".")}.`);
    components.responses[name] = answer;
    for (const { responses, status } of alike) responses[status] = { $ref: `#/components/responses/${name}` };
  }
}

/** A field of the request for the example of a validation error. */
function wrongField(requestBody: Schema | undefined, parameters: Schema[]): string[] {
  const [body] = Object.values<Schema>(requestBody?.content ?? {});
  const [first] = Object.keys((body?.example as object | undefined) ?? {});
  if (first !== undefined) return ["body", first];
  const { name = "page", in: place = "query" } = parameters[0] ?? {};
  return [place, name];
}
