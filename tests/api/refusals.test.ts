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
import { endWindow, registerLimited } from "../support/limits.ts";
import { openDatabase, operatorHeaders } from "../support/management.ts";
import { signedWebhook } from "../support/signed-webhook.ts";
import { bad } from "../support/status-table.ts";

// The rows come from docs/openapi.json, so a new operation is tested without a new row here.

const { urls } = inject("stack");
const sql = openDatabase();
let caller: Record<"user" | "developer" | "operator" | "spentUser" | "spentDeveloper", Headed>;

beforeAll(async () => {
  const developer = await registerDeveloper();
  const { headers } = await registerEndUser(developer.project);
  const spent = await registerLimited(sql, { requests_per_day: 1, reads_per_minute: 1 });
  const spentUser = await registerEndUser(spent.project);
  for (const path of ["/auth/me", "/projects"]) await api(path, { headers: spent.headers });
  for (const path of ["/auth/me", "/generation"]) await api(path, { headers: spentUser.headers });
  // The windows must not end before these tests.
  for (const { id } of [spent, spentUser]) await endWindow(sql, id, 3_600);
  caller = {
    user: headers,
    developer: developer.headers,
    operator: operatorHeaders,
    spentUser: spentUser.headers,
    spentDeveloper: spent.headers,
  };
});

type Sent = { as?: keyof typeof caller; headers?: Headed; body?: string; path?: string; isSigned?: boolean };
const tooMuch = JSON.stringify({ name: "x".repeat(1_100_000) });
const json = { "Content-Type": "application/json" };
const isSigned = (id: string) => id === "webhooks.replicate";
const isOfAProject = ({ path }: Operation) => /\/(generation|models)/.test(path);
const isOpen = ({ security }: Operation) => security.every((choice) => Object.keys(choice).length === 0);

/** For each status, a request with exactly one mistake. Undefined if this mistake cannot lead to the status. */
const mistakes: Record<number, (operation: Operation) => Sent | undefined> = {
  400: ({ id, requestBody }) =>
    requestBody
      ? { body: isSigned(id) ? "{}" : "{", headers: json, isSigned: isSigned(id) }
      : { headers: bad.project },
  // That operation needs no token if the body names the account.
  401: ({ id }) => ({ headers: bad.token, ...(id === "auth.requestVerification" && { body: "{}" }) }),
  // A refresh reads no key. auth-statuses.test.ts tests its refusals.
  403: ({ id }) => (id === "auth.refresh" ? undefined : { headers: bad.key }),
  404: ({ path }) => (path.includes("{") ? {} : { as: "developer", headers: bad.nobodysProject }),
  413: ({ requestBody }) => requestBody && { body: tooMuch, headers: json },
  // A signed body is read whatever its type, but not in an unknown charset.
  415: ({ id, requestBody }) =>
    requestBody && {
      body: "words",
      headers: { "Content-Type": isSigned(id) ? "application/json; charset=utf-7" : "text/plain" },
    },
  // rate-limits.test.ts and auth-limits.test.ts test the limits per IP address.
  429: (operation) =>
    isOpen(operation) || /^auth\.(?!me|updateMe|logout)/.test(operation.id)
      ? undefined
      : { as: isOfAProject(operation) ? "spentUser" : "spentDeveloper" },
  422: ({ id, path, parameters, requestBody }) => {
    if (isSigned(id)) return { path: `${path}?generation_id=seven`, isSigned: true };
    if (path.includes("{")) return { path: path.replace(/\{\w+\}/g, "seven") };
    if (requestBody) return { body: "[]", headers: json };
    const parameter = parameters.find(
      ({ in: place, schema }) =>
        (place === "query" && schema.type !== "string") || schema.format || schema.enum,
    );
    return parameter && { path: `${path}?${parameter.name}=seven` };
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
  expect(errorOf(answer), JSON.stringify(answer.body)).toMatchObject({ status });
});
