import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { withoutEmpty } from "../../../supabase/functions/api/empty-as-absent.ts";
import { mismatches, violations } from "./check.ts";
import { type Operation, operationOf } from "./document.ts";

const found: string[] = [];
const pending = new Set<Promise<void>>();
const seen = new Set<string>();

/** The local gateway itself answers these codes when a function does not run. */
const ofTheGateway = new Set(["starting", "unavailable", "bad_gateway"]);

/** Checks an answer against docs/openapi.json and records it for the report of `npm test`. `sent` is the JSON body. */
export function observe(method: string, pathname: string, response: Response, sent?: string): void {
  const operation = operationOf(method, pathname);
  if (operation === undefined) return;
  const work = look(operation, response, sent).finally(() => pending.delete(work));
  pending.add(work);
}

/** @throws Error with every difference from the document since the last call */
export async function report(): Promise<void> {
  await Promise.all(pending);
  const wrong = [...new Set(found.splice(0))];
  if (wrong.length > 0) throw new Error(`Not what docs/openapi.json says:\n${wrong.join("\n")}`);
}

async function look(operation: Operation, response: Response, sent: string | undefined): Promise<void> {
  // Another server answered after the redirect. This operation's answer was 302.
  if (response.redirected) return record(operation, 302);
  const { status, headers } = response;
  // A test may abort an answer. Then there is nothing to check.
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

/** The document must allow every accepted request. An empty optional field counts as omitted. */
function looseRequest({ id, requestBody }: Operation, sent: string): string[] {
  if (sent === "") return [];
  const schema = requestBody?.content["application/json"]?.schema;
  if (schema === undefined) return [`${id} took a body, and none is documented`];
  const json = JSON.parse(sent);
  if (mismatches(schema, json, false).length === 0) return [];
  return mismatches(schema, withoutEmpty(json), false).map(
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
