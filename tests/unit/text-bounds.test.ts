import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createApp } from "../../supabase/functions/api/app.ts";
import type { Deps } from "../../supabase/functions/api/context.ts";
import { parseEnv } from "../../supabase/functions/api/env.ts";
import { ApiError } from "../../supabase/functions/api/errors.ts";
import { type Operation, operations, type Schema } from "../support/contract/document.ts";
import { fieldsOf, shapesOf } from "../support/contract/inputs.ts";
import { exampleRequest } from "../support/contract/request.ts";
import { watchLongTexts } from "../support/watch-long-texts.ts";

const env = parseEnv({
  SUPABASE_URL: "http://127.0.0.1:1",
  PUBLIC_URL: "http://127.0.0.1:1",
  DATABASE_URL: "postgresql://x:x@127.0.0.1:1/x",
  SUPABASE_SERVICE_ROLE_KEY: "secret",
  JWT_SECRET: "a-secret-of-at-least-thirty-two-characters",
});
/** Arguments of every call to a service behind the API. */
let passedOn: string[] = [];
const refuse = async (...args: unknown[]) => {
  passedOn.push(JSON.stringify(args) ?? "");
  throw new ApiError("database_unavailable");
};
const claims = { user_id: crypto.randomUUID(), session_id: crypto.randomUUID() };
const database = { read: refuse, write: refuse, readHot: refuse, forRequest: () => database };
const app = createApp({
  env,
  database,
  auth: new Proxy({}, { get: () => refuse }),
  replicate: { configured: true, webhookSecret: async () => "whsec_c2VjcmV0" },
  requests: { count: () => {} },
  tokens: { verify: async () => claims },
  background: (work: Promise<unknown>) => void work.catch(() => {}),
  log: () => {},
  writeRequest: () => {},
} as unknown as Deps);

/** Texts of an attacker. An earlier version spent nine seconds on a text of this length. */
const length = 200_000;
const fillings = {
  "combining marks": "e\u0301\u0316".repeat(length / 2).slice(0, length),
  spaces: " ".repeat(length),
  slashes: "/".repeat(length),
  letters: "a".repeat(length),
  commas: ",1".repeat(length / 2),
};
/** The API does not normalize, split, search or match a longer text. */
const mostLooked = 4 * 4096 + 64;

type Place = { name: string; ask: (text: string) => Request };

/** Every parameter, header and body field of the operation that takes a text. */
function placesOf(operation: Operation): Place[] {
  const { path, json } = exampleRequest(operation);
  const { method, parameters, requestBody } = operation;
  const url = `http://api.test${path}`;
  const headers = { Authorization: "Bearer token", "Content-Type": "application/json" };
  const init = { method, headers, ...(json !== undefined && { body: JSON.stringify(json) }) };
  const isAscii = (text: string) => /^[\x20-\x7e]*$/.test(text);
  const ofParameters = parameters.map(({ name, in: place }): Place => {
    const ask = (text: string) => {
      if (place === "header")
        return new Request(url, {
          ...init,
          headers: { ...headers, [name]: isAscii(text) ? text : "x".repeat(length) },
        });
      const address = new URL(url);
      if (place === "query") address.searchParams.set(name, text);
      else {
        const example = String(parameters.find((one) => one.name === name)?.schema.example);
        address.pathname = address.pathname.replace(example, encodeURIComponent(text));
      }
      return new Request(address, init);
    };
    return { name: `${place} ${name}`, ask };
  });
  const schema = requestBody?.content["application/json"]?.schema;
  const ofBody =
    schema === undefined
      ? []
      : fieldsOf(schema).map((field): Place => {
          const ask = (text: string) =>
            new Request(url, {
              ...init,
              body: JSON.stringify({ ...(json as object), [field]: isList(schema, field) ? [text] : text }),
            });
          return { name: `body ${field}`, ask };
        });
  return [...ofParameters, ...ofBody];
}

const isList = (schema: Schema, field: string) =>
  shapesOf(schema).some(({ properties }) => properties?.[field]?.type === "array");

const commonHeaders = [
  "Accept",
  "Access-Control-Request-Headers",
  "Authorization",
  "Content-Type",
  "Idempotency-Key",
  "Origin",
  "traceparent",
  "tracestate",
  "User-Agent",
  "X-API-Key",
  "X-Developer-Key",
  "X-Forwarded-For",
  "X-Operator-Key",
  "X-Project-ID",
  "X-Request-Id",
  "X-User-Role",
];

const longTexts = watchLongTexts(mostLooked);
beforeAll(longTexts.start);
afterAll(longTexts.stop);

async function asked(request: Request): Promise<{ status: number; looked: string[]; passed: string[] }> {
  passedOn = [];
  longTexts.reset();
  const { status } = await app.fetch(request, { remoteAddress: "127.0.0.1" });
  return {
    status,
    looked: longTexts.excesses(),
    passed: passedOn.filter((text) => text.length > mostLooked),
  };
}

const kinds = Object.entries(fillings);
const places = operations.flatMap((operation) =>
  placesOf(operation).map(({ name, ask }): [string, Place["ask"]] => [`${operation.id} ${name}`, ask]),
);

test("the long texts are tried in paths, queries, headers and bodies", () => {
  for (const place of ["path", "query", "header", "body"])
    expect(places.filter(([name]) => name.includes(` ${place} `)).length).toBeGreaterThan(2);
});

describe("text bounds", () => {
  test.each(places)(
    "%s: 200,000 characters cost no more work than a few thousand, and are refused",
    async (_name, ask) => {
      for (const [kind, text] of kinds) {
        const { status, looked, passed } = await asked(ask(text));
        expect({ kind, looked, passed }).toEqual({ kind, looked: [], passed: [] });
        expect({ kind, isRefused: status >= 400 }).toEqual({ kind, isRefused: true });
      }
    },
  );

  test.each(commonHeaders)(
    "200,000 characters in the header %s cost no more work than a few thousand",
    async (name) => {
      for (const text of [
        "a".repeat(length),
        "a,".repeat(length / 2),
        `a${" ".repeat(length)}b`,
        "1.".repeat(length / 2),
      ]) {
        for (const [path, init] of [
          ["/api/v1/auth/me", {}],
          ["/api/v1/generation/generate-v2", { method: "POST", body: "{}" }],
          ["/api/v1/health", {}],
          ["/api/v1/auth/me", { method: "OPTIONS" }],
        ] as const) {
          const headers = { "Content-Type": "application/json", [name]: text };
          const { looked, passed } = await asked(new Request(`http://api.test${path}`, { ...init, headers }));
          expect({ path, looked, passed }).toEqual({ path, looked: [], passed: [] });
        }
      }
    },
  );

  test.each([`/api/v1/${"a/".repeat(length / 2)}`, "/api/v1".repeat(length / 7), "/".repeat(length)])(
    "200,000 characters in a path cost no more work than a few thousand (%#)",
    async (path) => {
      const { looked, passed } = await asked(new Request(`http://api.test${path}`));
      expect({ looked, passed }).toEqual({ looked: [], passed: [] });
    },
  );
});

test("the measurement detects a long text that is normalized, split, searched or matched", () => {
  const long = fillings.letters;
  for (const look of [
    () => long.normalize("NFC"),
    () => long.trim(),
    () => long.split(","),
    () => long.replace(/b/, ""),
    () => long.toLowerCase(),
    () => /b/.test(long),
    () => /b/.exec(long),
  ]) {
    longTexts.reset();
    look();
    expect(longTexts.excesses()).not.toEqual([]);
  }
});
