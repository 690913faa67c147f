import { afterAll, afterEach } from "vitest";
import { observe, report } from "./observe.ts";

// A setup file. It checks every answer of the API against docs/openapi.json, and a test with a different answer fails.

// A process that runs many files runs this for each of them.
const holder = globalThis as typeof globalThis & { cloudApiFetch?: typeof fetch };
holder.cloudApiFetch ??= globalThis.fetch;
const direct = holder.cloudApiFetch;
globalThis.fetch = async (input, init) => {
  const response = await direct(input, init);
  const isRequest = input instanceof Request;
  const { pathname } = new URL(isRequest ? input.url : input);
  observe(
    (init?.method ?? (isRequest ? input.method : "GET")).toUpperCase(),
    pathname,
    response,
    jsonOf(init),
  );
  return response;
};

function jsonOf({ body, headers }: RequestInit = {}): string | undefined {
  const isJson = new Headers(headers).get("content-type")?.includes("json");
  return isJson && typeof body === "string" ? body : undefined;
}

afterEach(report);
afterAll(report);
