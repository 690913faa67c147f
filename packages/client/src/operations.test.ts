import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { List } from "./list.ts";
import { memorySession } from "./session.ts";
import { apiServer, client, json, session } from "./testing/server.ts";

const document = JSON.parse(readFileSync(new URL("../../../docs/openapi.json", import.meta.url), "utf8")) as {
  paths: Record<string, Record<string, { operationId: string; parameters?: { name: string }[] }>>;
};
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, { operationId, parameters = [] }]) => {
    const takesKey = parameters.some(({ name }) => name === "Idempotency-Key");
    return { path, method, operationId, takesKey };
  }),
);
/** Calls of other machines, pictures (which have their own URLs), and payments (which the API does not offer). */
const notMethods = [
  "webhooks.replicate",
  "metrics.scrape",
  "generations.image",
  "generations.exampleImage",
  "payments.mySubscription",
  "payments.myPayments",
  "payments.other",
];
const isGenerator = (value: unknown): value is AsyncGenerator =>
  Object.prototype.toString.call(value) === "[object AsyncGenerator]";
const server = apiServer();

test.each(operations.filter(({ operationId }) => !notMethods.includes(operationId)))(
  "the client has the method $operationId, which calls $method $path",
  async ({ path, method, operationId, takesKey }) => {
    server.answer(() => json({}, { status: 200 }));
    const [noun = "", verb = ""] = operationId.split(".");
    const resource = client({ session: memorySession(session("a")) }) as unknown as Record<
      string,
      Record<string, (...args: unknown[]) => unknown>
    >;
    const ids = Array.from(path.matchAll(/\{/g), (_, at) => `id${at}`);
    const result = resource[noun]?.[verb]?.(...ids, {}, {});
    // Many methods reject the empty answer. Only the request counts here.
    const begun = isGenerator(result) ? result.next() : result;
    await Promise.allSettled([begun instanceof List ? begun.page() : begun]);
    let at = 0;
    const expected = path.replace(/\{\w+\}/g, () => `id${at++}`);
    expect(server.seen.map((seen) => [seen.method, seen.path.split("?")[0]])).toEqual([
      [method.toUpperCase(), expected],
    ]);
    // A key makes a POST repeatable, so only operations that accept a key get one.
    expect(server.seen[0]?.headers.has("idempotency-key")).toBe(takesKey);
  },
);
