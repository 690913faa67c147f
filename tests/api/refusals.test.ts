import { beforeAll, expect, inject, test } from "vitest";
import {
  type Answer,
  api,
  errorOf,
  type Headed,
  registerDeveloper,
  registerEndUser,
} from "../support/api.ts";
import { type Operation, operations } from "../support/contract/document.ts";
import { exampleRequest } from "../support/contract/request.ts";
import { operatorHeaders } from "../support/management.ts";
import { signedWebhook } from "../support/signed-webhook.ts";
import { badHeaders } from "../support/status-table.ts";

// The rows come from docs/openapi.json, so a new operation is tested without a new row here.

const { urls } = inject("stack");
let caller: Record<"user" | "developer" | "operator", Headed>;

beforeAll(async () => {
  const developer = await registerDeveloper();
  const { headers } = await registerEndUser(developer.project);
  caller = { user: headers, developer: developer.headers, operator: operatorHeaders };
});

type Sent = {
  as?: keyof typeof caller;
  headers?: Headed;
  body?: string;
  path?: string;
  isSigned?: boolean;
  code?: string;
};
const tooMuch = JSON.stringify({ name: "x".repeat(1_100_000) });
const json = { "Content-Type": "application/json" };
const isSigned = (id: string) => id === "webhooks.replicate";
const isOfAProject = ({ path }: Operation) => /\/(generation|models)/.test(path);
const isOpen = ({ security }: Operation) => security.every((choice) => Object.keys(choice).length === 0);

/** These operations read no access token, and refuse their example with 401. */
const refusalsOfExamples: Record<string, string> = {
  "auth.login": "invalid_credentials",
  "auth.refresh": "invalid_refresh_token",
  "webhooks.replicate": "invalid_webhook_signature",
};

/**
 * For each status, a request with exactly one mistake. Undefined if this mistake cannot lead to the status.
 * rate-limits.test.ts does the same for 429.
 */
const mistakes: Record<number, (operation: Operation) => Sent | undefined> = {
  400: ({ id, requestBody }) =>
    requestBody
      ? isSigned(id)
        ? { body: "{}", headers: json, isSigned: true }
        : { body: "{", headers: json, code: "malformed_json" }
      : { headers: badHeaders.project, code: "invalid_project_id" },
  // That operation needs no token if the body names the account.
  401: ({ id }) => ({
    headers: badHeaders.token,
    code: refusalsOfExamples[id] ?? "invalid_token",
    ...(id === "auth.requestVerification" && { body: "{}" }),
  }),
  // A refresh reads no key. auth-statuses.test.ts tests its refusals.
  403: ({ id }) =>
    id === "auth.refresh" ? undefined : { headers: badHeaders.key, code: "developer_key_invalid" },
  404: ({ path }) => (path.includes("{") ? {} : { as: "developer", headers: badHeaders.nobodysProject }),
  413: ({ requestBody }) => requestBody && { body: tooMuch, headers: json, code: "payload_too_large" },
  // A signed body is read whatever its type, but not in an unknown charset.
  415: ({ id, requestBody }) =>
    requestBody && {
      body: "words",
      code: "unsupported_media_type",
      headers: { "Content-Type": isSigned(id) ? "application/json; charset=utf-7" : "text/plain" },
    },
  422: ({ id, path, parameters, requestBody }) => {
    const code = "validation_failed";
    if (isSigned(id)) return { path: `${path}?generation_id=seven`, isSigned: true, code };
    if (path.includes("{")) return { path: path.replace(/\{\w+\}/g, "seven"), code };
    if (requestBody) return { body: "[]", headers: json, code };
    const parameter = parameters.find(
      ({ in: place, schema }) =>
        (place === "query" && schema.type !== "string") || schema.format || schema.enum,
    );
    return parameter && { path: `${path}?${parameter.name}=seven`, code };
  },
};

const rows = operations.flatMap((operation) =>
  Object.entries(mistakes).flatMap(([status, mistake]) => {
    const sent = operation.responses[status] && mistake(operation);
    return sent ? [[operation.id, Number(status), operation, sent] as const] : [];
  }),
);

/** The credentials of a caller whom the operation accepts. */
function callerOf(operation: Operation): Headed {
  const { security } = operation;
  if (isOpen(operation)) return {};
  const schemes = security.map((choice) => Object.keys(choice).join(" "));
  if (schemes[0] === "operatorKey") return caller.operator;
  if (isOfAProject(operation)) return caller.user;
  return schemes.includes("accessToken") ? caller.developer : {};
}

async function send(operation: Operation, sent: Sent): Promise<Answer> {
  const usual = exampleRequest(operation);
  const body = sent.body ?? (usual.json === undefined ? undefined : JSON.stringify(usual.json));
  return api(`${urls.base}${sent.path ?? usual.path}`, {
    method: operation.method,
    headers: {
      ...(sent.as ? caller[sent.as] : callerOf(operation)),
      ...(body !== undefined && json),
      ...(sent.isSigned && signedWebhook(body ?? "")),
      ...sent.headers,
    },
    ...(body !== undefined && { body }),
  });
}

test.each(rows)("%s answers its documented status %i", async (_, status, operation, sent) => {
  const answer = await send(operation, sent);
  expect(errorOf(answer), JSON.stringify(answer.body)).toMatchObject({
    status,
    ...(sent.code !== undefined && { code: sent.code }),
  });
  if (status === 401) expect(answer.headers.get("www-authenticate")).toBe("Bearer");
});
