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
/** What other machines call, pictures, whose addresses are part of a generation, and payments, of which there are none. */
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
  "$operationId is a method of the client and goes to $method $path",
  async ({ path, method, operationId, takesKey }) => {
    server.answer(() => json({}, { status: 200 }));
    const [noun = "", verb = ""] = operationId.split(".");
    const resource = client({ session: memorySession(session("a")) }) as unknown as Record<
      string,
      Record<string, (...args: unknown[]) => unknown>
    >;
    const ids = Array.from(path.matchAll(/\{/g), (_, at) => `id${at}`);
    const result = resource[noun]?.[verb]?.(...ids, {}, {});
    // The empty answer satisfies few of them; what was asked is what counts.
    const begun = isGenerator(result) ? result.next() : result;
    await Promise.allSettled([begun instanceof List ? begun.page() : begun]);
    let at = 0;
    const expected = path.replace(/\{\w+\}/g, () => `id${at++}`);
    expect(server.seen.map((seen) => [seen.method, seen.path.split("?")[0]])).toEqual([
      [method.toUpperCase(), expected],
    ]);
    // A key makes a POST repeatable, so only what honours it may be sent one.
    expect(server.seen[0]?.headers.has("idempotency-key")).toBe(takesKey);
  },
);
