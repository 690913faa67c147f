import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach } from "vitest";
import { mismatches, violations } from "./check.ts";
import { type Operation, operationOf } from "./document.ts";

// A setup file: every answer of the API that a test of this worker gets is held against docs/openapi.json, and the test fails
// in which it differs. What was seen goes to the folder of CLOUD_API_SEEN, for the report at the end of `npm test`.

const found: string[] = [];
const pending = new Set<Promise<void>>();
const seen = new Set<string>();

/** The local gateway answers these itself, for a function that does not run. */
const ofTheGateway = new Set(["starting", "unavailable", "bad_gateway"]);

const direct = globalThis.fetch;
globalThis.fetch = async (input, init) => {
  const response = await direct(input, init);
  const { url, method } = request(input, init);
  const operation = operationOf(method, url.pathname);
  if (operation !== undefined) {
    const work = look(operation, response, jsonOf(init)).finally(() => pending.delete(work));
    pending.add(work);
  }
  return response;
};

function request(input: string | URL | Request, init: RequestInit | undefined) {
  const isRequest = input instanceof Request;
  const url = new URL(isRequest ? input.url : input);
  return { url, method: (init?.method ?? (isRequest ? input.method : "GET")).toUpperCase() };
}

function jsonOf({ body, headers }: RequestInit = {}): string | undefined {
  const isJson = new Headers(headers).get("content-type")?.includes("json");
  return isJson && typeof body === "string" ? body : undefined;
}

async function look(operation: Operation, response: Response, sent: string | undefined): Promise<void> {
  // What it led to is another server's; that it led there is what this operation does.
  if (response.redirected) return record(operation, 302);
  const { status, headers } = response;
  // A test may give up on an answer: then there is nothing to look at.
  const body = await response
    .clone()
    .text()
    .catch(() => undefined);
  if (body === undefined) return;
  if (status >= 500 && ofTheGateway.has(codeOf(body))) return;
  record(operation, status);
  found.push(...violations(operation, { status, headers, body }));
  if (status < 300 && sent !== undefined) found.push(...looseRequest(operation, sent));
}

function codeOf(body: string): string {
  try {
    return JSON.parse(body).code;
  } catch {
    return "";
  }
}

/** What the API takes, the document allows. */
function looseRequest({ id, requestBody }: Operation, sent: string): string[] {
  const schema = requestBody?.content["application/json"]?.schema;
  if (schema === undefined) return [`${id} took a body, and none is documented`];
  return mismatches(schema, JSON.parse(sent), false).map(
    (what) => `${id} took a request that its schema refuses: ${what}`,
  );
}

function record({ id }: Operation, status: number): void {
  const line = `${id} ${status}`;
  const folder = process.env.CLOUD_API_SEEN;
  if (folder === undefined || seen.has(line)) return;
  seen.add(line);
  appendFileSync(join(folder, String(process.pid)), `${line}\n`);
}

async function report(): Promise<void> {
  await Promise.all(pending);
  const wrong = [...new Set(found.splice(0))];
  if (wrong.length > 0) throw new Error(`Not what docs/openapi.json says:\n${wrong.join("\n")}`);
}

afterEach(report);
afterAll(report);
