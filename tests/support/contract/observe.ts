import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { withoutEmpty } from "../../../supabase/functions/api/empty-as-absent.ts";
import { mismatches, violations } from "./check.ts";
import { type Operation, operationOf } from "./document.ts";

const found: string[] = [];
const pending = new Set<Promise<void>>();
const seen = new Set<string>();

/** The local gateway answers these itself, for a function that does not run. */
const ofTheGateway = new Set(["starting", "unavailable", "bad_gateway"]);

/** Holds an answer against docs/openapi.json, and notes for the report of `npm test` that it was got. `sent` is JSON. */
export function observe(method: string, pathname: string, response: Response, sent?: string): void {
  const operation = operationOf(method, pathname);
  if (operation === undefined) return;
  const work = look(operation, response, sent).finally(() => pending.delete(work));
  pending.add(work);
}

/** @throws Error with everything that was not as documented since the last call. */
export async function report(): Promise<void> {
  await Promise.all(pending);
  const wrong = [...new Set(found.splice(0))];
  if (wrong.length > 0) throw new Error(`Not what docs/openapi.json says:\n${wrong.join("\n")}`);
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

/** What the API takes, the document allows; and an optional field that is empty is one that is left out. */
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
